type Values = readonly (readonly [string, string])[];

/** Values that mean themselves, as an environment file that compose reads: nothing in them is a variable or a comment. */
export function dotenvText(values: Values): string {
  return values.map(([name, value]) => `${name}=${quoted(value)}\n`).join('');
}

/** Single quotes know no escapes, so what needs one goes into double quotes. */
function quoted(value: string): string {
  if (!/['\\]/.test(value)) return `'${value}'`;
  return `"${value.replace(/[\\"$]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/**
 * The same of a dotenv file of SOPS, whose values are what stands behind the `=`. Quotes around one and a comment behind
 * it are those of a .env, as it was before SOPS encrypted it. A `$` is part of the password: other programs that
 * SOPS hands values to know no variables in them.
 */
export function sopsDotenvText(values: Values): string {
  return values.map(([name, value]) => `${name}=${requoted(value)}\n`).join('');
}

function requoted(value: string): string {
  const single = /^'[^']*'\s*(#.*)?$/.test(value);
  if (single) return value.replaceAll('\n', '\\n');
  if (/^"(?:\\.|[^"\\])*"\s*(#.*)?$/s.test(value)) return withoutVariables(value.replaceAll('\n', '\\n'));
  const plain = value.includes('\n') ? value : value.replace(/ #.*$/, '').trimEnd();
  return quoted(plain);
}

/** In double quotes, where a `\` before a `$` may stand already. */
function withoutVariables(value: string): string {
  return value.replace(/\\.|\$/gs, (found) => (found === '$' ? '\\$' : found));
}
