/**
 * What Caddy puts in the place of `{…}` when a request comes. Only what tells of the request or of its answer may be
 * named: `{env.…}`, `{file.…}`, `{system.…}` and `{vars.…}` are the hub's, and `{$…}` is its environment, put in before
 * the text is read at all (replacer.go, NewReplacer; modules/caddyhttp/replacer.go; httpcaddyfile/shorthands.go).
 */
const ofTheRequest =
  /^(?:host|hostport|port|method|scheme|uuid|[%?]?(?:uri|path|query)|dir|file|remote|remote_host|remote_port|client_ip|upstream_hostport|(?:orig|tls)_\w+|(?:header|cookie|labels|path|query|re|rp|err)\.[\w.-]+|http\.(?:request|regexp|reverse_proxy|error|auth)\.[\w./-]+|time\.now[\w.]*)$/;

/** Caddy looks for the next `{` inside of one that it does not know: each is judged by itself, whatever is around it. */
export function strangePlaceholder(text: string): string | null {
  if (!text.includes('}')) return null;
  // No name begins otherwise: `{"a": 1}` and the `{2,3}` of a pattern are none.
  const names = [...text.matchAll(/\{(?=([A-Za-z_$%?.][^{}]*))/g)].map(([, name = '']) => name);
  const strange = names.find((name) => !ofTheRequest.test(name));
  return strange === undefined ? null : `{${strange}}`;
}
