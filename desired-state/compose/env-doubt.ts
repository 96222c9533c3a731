/**
 * What compose makes of the variables of `.env`, it hands to every program that it runs. So no file may hold one that a
 * person, or a rule, does not see: only such files are taken that can be read in one way, a variable a line, whatever
 * else compose would make a variable of. Pure, and without any value.
 */
export interface EnvDoubt {
  line: number;
  column: number;
  /** A sentence's end: `text follows the closing quote`. */
  why: string;
  fix: string;
}

/** The first place where an environment file could be read in two ways; null: there is none. */
export function envDoubt(text: string): EnvDoubt | null {
  const nul = text.indexOf('\0');
  if (nul >= 0) return placed(text, nul, doubts.character('\0'));
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    const next = afterStatement(text, at);
    if (typeof next !== 'number') return placed(text, next.at, next.doubt);
    at = next;
  }
  return null;
}

type Doubt = Pick<EnvDoubt, 'why' | 'fix'>;

const doubts = {
  form: { why: 'it is not NAME=value', fix: 'write NAME=value, one variable a line' },
  behind: { why: 'text follows the closing quote', fix: 'give each variable a line of its own' },
  open: { why: 'the quote is not closed', fix: 'close it, or put other quotes around the value' },
  character: (found: string): Doubt => ({
    why: `the character U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} is in it`,
    fix: 'remove the character, or put the value into quotes',
  }),
};

/** A blank line, a comment, or what may follow a closing quote. */
const idle = /[ \t]*(?:#[^\n]*)?\r?(?:\n|$)/y;
const head = /[ \t]*(?:export[ \t]+)?([A-Za-z0-9_.[\]-]+)[ \t]*(?:[=:][ \t]*|(?=\r?\n))/y;
const quoted = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"|'[^'\\]*(?:\\[\s\S][^'\\]*)*'/y;
const plain = /([^\n]*?)(?: #[^\n]*)?\r?(?:\n|$)/y;
/** Blanks to some and none to others, ends of lines to some, and what no editor shows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unclear = /[\0-\x08\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff]/;

function afterStatement(text: string, at: number): number | { at: number; doubt: Doubt } {
  const blank = match(idle, text, at);
  if (blank !== null) return at + blank[0].length;
  const start = match(head, text, at);
  if (start === null || start[1] === 'export') return { at, doubt: unclearIn(text, at) ?? doubts.form };
  const from = at + start[0].length;
  if (text[from] !== '"' && text[from] !== "'") return afterPlain(text, from);
  const value = match(quoted, text, from);
  if (value === null) return { at: from, doubt: doubts.open };
  const end = from + value[0].length;
  const rest = match(idle, text, end);
  return rest === null ? { at: end, doubt: doubts.behind } : end + rest[0].length;
}

function afterPlain(text: string, from: number): number | { at: number; doubt: Doubt } {
  const [whole = '', value = ''] = match(plain, text, from) ?? [];
  const odd = value.search(unclear);
  return odd < 0 ? from + whole.length : { at: from + odd, doubt: doubts.character(value[odd] ?? '') };
}

/** Nobody sees such a character, so it is named where it is the reason. */
function unclearIn(text: string, at: number): Doubt | null {
  const line = text.slice(at).split('\n', 1)[0] ?? '';
  const found = unclear.exec(line.replace(/\r$/, ''));
  return found === null ? null : doubts.character(found[0]);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function placed(text: string, at: number, { why, fix }: Doubt): EnvDoubt {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, why, fix };
}
