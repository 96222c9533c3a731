/**
 * The whole configuration as one text: the hub's own Caddyfile with the snippets in the place of the line that takes
 * them in. So Caddy judges it before any of it is written. A line that is not there: the Caddyfile alone.
 */
export function composeCaddyfile(own: string, line: string, snippets: readonly string[]): string {
  const at = own.indexOf(line);
  if (at < 0) return own;
  return `${own.slice(0, at)}${snippets.join('\n')}${own.slice(at + line.length)}`;
}
