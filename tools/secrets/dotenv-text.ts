/** Values that mean themselves, as an environment file that compose reads: nothing in them is a variable or a comment. */
export function dotenvText(values: readonly (readonly [string, string])[]): string {
  return values.map(([name, value]) => `${name}=${quoted(value)}\n`).join('');
}

/** Single quotes know no escapes, so what needs one goes into double quotes. */
function quoted(value: string): string {
  if (!/['\\]/.test(value)) return `'${value}'`;
  return `"${value.replace(/[\\"$]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
