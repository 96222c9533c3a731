/**
 * Whether directives that are put between `{` and `}` stay there: every block that they open they close, nothing else is
 * closed, no quote is left open, and nothing of the hub's own is read (its environment, its files). Caddy takes a brace
 * in quotes for one without them, heredocs only since 2.7, and after a backslash outside of quotes a quote that Steward
 * would read as part of a word, so that none of these may be there. Neither may what reads the hub's own files, its
 * environment or its authority, or leads to its own socket
 * (caddyserver.com/docs/caddyfile/concepts; caddyconfig/caddyfile/lexer.go and parse.go of 2.6).
 */
export function staysInside(text: string): boolean {
  if (/[\0\r]|\{\$|\{(env|file|vars|http\.vars)\./.test(text)) return false;
  let depth = 0;
  for (const token of tokens(text)) {
    if (token === null) return false;
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** In this order: a comment, a text in quotes, what would be one left open or a heredoc, a word. */
const pattern = /(#[^\n]*)|("(?:\\.|[^"\\])*"|`[^`]*`)|(["`]|<<)|([^\s"`#]\S*)/gs;

/** Directives that read or write what is the hub's own; a quoted word is a directive too. */
const ownOfHub = new Set(
  'acme_server bind file_server fs import log php_fastcgi root templates tls tracing try_files vars'.split(
    ' ',
  ),
);

/** Words; null for what must not be there. */
function* tokens(text: string): Generator<string | null> {
  for (const [, , quoted, open, word] of text.matchAll(pattern)) {
    const said = word ?? quoted?.slice(1, -1) ?? '';
    const isBrace = quoted !== undefined && /^[{}]$/.test(said);
    const isOwn = ownOfHub.has(said) || said.startsWith('unix');
    if (open !== undefined || isBrace || isOwn || word?.includes('\\') === true) yield null;
    else if (word !== undefined) yield word;
  }
}
