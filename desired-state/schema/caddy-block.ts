/**
 * Whether directives that are put between `{` and `}` stay there: every block that they open they close, nothing else is
 * closed, no quote is left open, and nothing of the hub's own is read (its environment, its files). Caddy takes a brace
 * in quotes for one without them, and heredocs only since 2.7, so that neither may be there
 * (caddyserver.com/docs/caddyfile/concepts; caddyconfig/caddyfile/lexer.go and parse.go of 2.6).
 */
export function staysInside(text: string): boolean {
  if (/[\0\r]|\{\$|\{(env|file)\./.test(text)) return false;
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

/** Words; null for what must not be there. */
function* tokens(text: string): Generator<string | null> {
  for (const [, , quoted, open, word] of text.matchAll(pattern)) {
    if (open !== undefined || quoted === '"{"' || quoted === '"}"' || quoted === '`{`' || quoted === '`}`')
      yield null;
    else if (word !== undefined) yield word;
  }
}
