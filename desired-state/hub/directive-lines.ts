/**
 * Directives as Caddy reads them, a line each with the block that it opens (caddyconfig/caddyfile/lexer.go `next`,
 * parse.go `directive`, dispenser.go `isNewLine`; v2.6.2 to v2.11). Facts out of there:
 * - a word ends at white space, and a quote opens only at its beginning: behind one that is closed the next word begins;
 * - in "…" a backslash stands for itself, but before a quote; in `…` nothing stands for anything else;
 * - a # at the beginning of a word is a comment up to the end of its line;
 * - a backslash at the end of a line makes the next one part of it, after a comment too, if there is any in it;
 * - `{` ends its line and `}` begins one; until 2.10 also such as are in quotes;
 * - `<<NAME` is a text of many lines since 2.7, and `{$NAME}` is put in before anything is read, in comments as well.
 * What versions read differently, or nobody can see, is refused here: so this reader and Caddy agree on all the rest.
 */
export interface Line {
  /** From 0. */
  line: number;
  /** Without quotes. */
  words: string[];
  block: Line[] | null;
}

export interface Flaw {
  line: number;
  message: string;
  fix: string;
}

interface Word {
  text: string;
  isQuoted: boolean;
}

/** Either the lines, or what is wrong with the first that cannot be read. */
export function readLines(text: string): { lines: Line[] } | { flaw: Flaw } {
  try {
    refuseEverywhere(text);
    return { lines: nested(text) };
  } catch (error) {
    if (error instanceof Unreadable) return { flaw: error.flaw };
    throw error;
  }
}

class Unreadable extends Error {
  override readonly name = 'Unreadable';
  readonly flaw: Flaw;
  constructor(line: number, message: string, fix: string) {
    super(message);
    this.flaw = { line, message, fix };
  }
}

/** Go takes more for white space than this reader, and an environment is put in before it reads. */
function refuseEverywhere(text: string): void {
  const found = /[^\n\t\P{Cc}]|[^ \P{Z}]|\uFEFF|\{\$/u.exec(text);
  if (found === null) return;
  const line = text.slice(0, found.index).split('\n').length - 1;
  if (found[0] === '{$')
    throw new Unreadable(line, 'it names the environment of the hub ({$…})', 'write the value itself');
  throw new Unreadable(line, 'a character that Caddy may take for white space', 'write a plain space');
}

/** Of blocks that are open: the one within, last. */
interface Open {
  line: number;
  lines: Line[];
}

function nested(text: string): Line[] {
  const open: Open[] = [{ line: 0, lines: [] }];
  for (const { line, words } of wordsOfLines(text)) {
    const [only] = words;
    if (words.length === 1 && isBrace(only, '}')) {
      if (open.length === 1)
        throw new Unreadable(line, 'a } closes nothing that was opened here', 'take it away');
      open.pop();
      continue;
    }
    const opens = words.length > 1 && isBrace(words.at(-1), '{');
    const said = opens ? words.slice(0, -1) : words;
    if (said.some(({ text: word }) => /^[{}]+$/.test(word)))
      throw new Unreadable(line, 'a brace stands where none can', 'end the line with {, put } on its own');
    const read: Line = { line, words: said.map(({ text: word }) => word), block: opens ? [] : null };
    open.at(-1)?.lines.push(read);
    if (read.block !== null) open.push({ line, lines: read.block });
  }
  const [outside, ...left] = open;
  const unclosed = left.at(-1);
  if (unclosed !== undefined) throw new Unreadable(unclosed.line, 'a { is not closed', 'add }');
  return outside?.lines ?? [];
}

function isBrace(word: Word | undefined, brace: string): boolean {
  return word?.text === brace && !word.isQuoted;
}

/** In this order: white space, end of a line, a comment, a text in quotes of either kind, a word. */
const pattern =
  /([ \t]+|\\\n)|(\n)|#([^\n]*)|"((?:\\.|[^"\\\n])*)"(?!\S)|`([^`\n]*)`(?!\S)|([^\s"`\\#][^\s\\]*)/y;

function* wordsOfLines(text: string): Generator<{ line: number; words: Word[] }> {
  let [line, first] = [0, 0];
  let words: Word[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const rest = text.slice(pattern.lastIndex);
    const found = pattern.exec(text);
    if (found === null) throw unreadable(rest, line);
    const [whole, , end, comment, quoted, ticked, word] = found;
    refuse(comment, word, line);
    if (words.length === 0) first = line;
    if (end !== undefined && words.length > 0) yield { line: first, words };
    if (end !== undefined) words = [];
    if (whole.endsWith('\n')) line += 1;
    const said = word ?? ticked ?? quoted?.replaceAll(/\\(.)/g, (all, one) => (one === '"' ? one : all));
    if (said !== undefined) words.push({ text: said, isQuoted: word === undefined });
  }
  if (words.length > 0) yield { line: first, words };
}

function refuse(comment: string | undefined, word: string | undefined, line: number): void {
  if (comment?.includes('\\')) throw new Unreadable(line, 'a comment has a \\', 'write it without');
  if (word?.startsWith('<<'))
    throw new Unreadable(line, 'a text of several lines (<<)', 'put it in quotes, in one line');
}

function unreadable(rest: string, line: number): Unreadable {
  if (/^["`]/.test(rest))
    return new Unreadable(
      line,
      'a quote is not closed in its line, or something follows on it',
      'close it, and write a space behind it',
    );
  return new Unreadable(line, 'a \\ outside of quotes', 'put the word in `…`');
}
