import { substitute, type Variables } from './interpolate.ts';
import { Complaint } from './model.ts';
import { bounds, TooMuch, tooLarge } from './too-much.ts';

/**
 * An environment file in compose's dialect (dotenv/parser.go of compose-go): `export`, `KEY: value`, quotes over several
 * lines, escapes in double quotes, ` #` comments, variables. `outer` is asked first. Throws Complaint,
 * TooMuch where it would take more memory than any file should.
 */
export function parseEnvFile(text: string, outer: Variables): Map<string, string> {
  if (text.length > bounds.file) throw new TooMuch(tooLarge);
  const values = new Map<string, string>();
  const inner: Variables = { get: (name) => outer.get(name) ?? values.get(name), unset: outer.unset };
  let length = 0;
  for (const { name, line, value } of statements(text)) {
    const found = value === null ? outer.get(name) : atLine(line, () => value(inner));
    if (found === undefined) continue;
    length += found.length;
    if (found.length > bounds.variable) throw new TooMuch(`${name} would have more than 64 KiB`, line);
    if (length > bounds.file) throw new TooMuch('with it, its variables would have more than 1 MiB', line);
    values.set(name, found);
  }
  return values;
}

function atLine(line: number, value: () => string): string {
  try {
    return value();
  } catch (error) {
    throw error instanceof TooMuch ? new TooMuch(error.why, line) : error;
  }
}

/** Names and lines of the variables that compose finds in an environment file, up to where it, or we, would give up. */
export function envNames(text: string): { name: string; line: number }[] {
  if (text.length > bounds.file) return [];
  const found: { name: string; line: number }[] = [];
  try {
    for (const { name, line } of statements(text)) found.push({ name, line });
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
  }
  return found;
}

interface Statement {
  name: string;
  line: number;
  /** Null: taken over from the variables around it. */
  value: ((variables: Variables) => string) | null;
}

/** What compose takes for blanks within a line (isSpace of parser.go), and between statements (Go's unicode.IsSpace). */
const blank = '\\t\\v\\f\\r \\u0085\\u00a0';
const space = `\\n${blank}\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000`;

const patterns = {
  idle: new RegExp(`[${space}]*(?:#[^\\n]*)?`, 'y'),
  blanks: new RegExp(`[${blank}]*`, 'y'),
  export: new RegExp(`export(?=[\\t\\n\\f\\r ])[${blank}]*`, 'y'),
  name: new RegExp(`[\\p{L}\\p{N}_.[\\]\\-${blank}]*`, 'uy'),
  line: /[^\n]*/y,
  '"': /"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y,
  "'": /'[^'\\]*(?:\\[\s\S][^'\\]*)*'/y,
};
const isSpace = new RegExp(`[${space}]`);

function* statements(text: string): Generator<Statement> {
  const scan: Scan = { text, at: text.startsWith('\uFEFF') ? 1 : 0, line: 1 };
  while (skipToStatement(scan)) yield statement(scan);
}

interface Scan {
  text: string;
  at: number;
  line: number;
}

function take(scan: Scan, pattern: RegExp): string {
  pattern.lastIndex = scan.at;
  const taken = pattern.exec(scan.text)?.[0] ?? '';
  scan.at += taken.length;
  scan.line += taken.split('\n').length - 1;
  return taken;
}

function skipToStatement(scan: Scan): boolean {
  while (take(scan, patterns.idle) !== '');
  return scan.at < scan.text.length;
}

function statement(scan: Scan): Statement {
  take(scan, patterns.export);
  const { line, at } = scan;
  const written = take(scan, patterns.name);
  const separator = scan.text[scan.at];
  if (separator === undefined) throw new Complaint(`line ${line}: a variable without a value`);
  if (!'=:\n'.includes(separator)) {
    scan.at = at;
    const what = `unexpected character ${JSON.stringify(separator)} in variable name`;
    throw new Complaint(`line ${line}: ${what} "${take(scan, patterns.line)}"`);
  }
  const name = trimmed(written);
  if (name.includes(' ')) throw new Complaint(`line ${line}: key cannot contain a space`);
  scan.at += 1;
  if (separator === '\n') {
    scan.line += 1;
    return { name, line, value: null };
  }
  take(scan, patterns.blanks);
  return { name, line, value: value(scan) };
}

function value(scan: Scan): (variables: Variables) => string {
  const quote = scan.text[scan.at];
  if (quote !== '"' && quote !== "'") {
    const plain = trimmed(take(scan, patterns.line).split(' #', 1)[0] ?? '');
    return (variables) => substitute(plain, variables);
  }
  const { line } = scan;
  const quoted = take(scan, patterns[quote]);
  if (quoted === '') throw new Complaint(`line ${line}: unterminated quoted value`);
  const raw = quoted.slice(1, -1).replaceAll(`\\${quote}`, quote);
  return quote === '"' ? (variables) => substitute(escapes(raw), variables) : () => raw;
}

/** By hand: a pattern would try again at each blank of a long line. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace.test(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end);
}

const controls: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

function escapes(text: string): string {
  return text.replace(/\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/g, (whole, letter?: string, octal?: string) => {
    if (letter === '$') return '$$';
    if (letter !== undefined) return controls[letter] ?? whole;
    return octal !== undefined && /^[0-3][0-7]{2}$/.test(octal)
      ? String.fromCharCode(Number(`0o${octal}`))
      : whole;
  });
}
