import { styleText } from 'node:util';
import stringWidth from 'string-width';

/** Text for a terminal or a pipe: safe, aligned, as wide as it may be. */

export interface Look {
  /** True only for a terminal that wants colours. */
  color: boolean;
  /** Columns of the terminal; null for a pipe, where nothing is shortened. */
  width: number | null;
}

/** For what tells how long ago something was. */
export interface StatusOptions extends Look {
  /** Milliseconds since the epoch. */
  now: number;
}

export type Style = Parameters<typeof styleText>[0];

/** Colour and width of a stream. NO_COLOR and FORCE_COLOR are honoured by Node's own validation. */
export function lookOf(stream: NodeJS.WriteStream): Look {
  const probe = styleText('bold', 'x', { stream, validateStream: true });
  // A pseudo terminal that nobody told its size says 0 columns.
  return { color: probe !== 'x', width: stream.isTTY ? stream.columns || 80 : null };
}

export function paint(look: Look, style: Style, text: string): string {
  return look.color && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** What hostile data could paint with: C0, DEL, C1, line separators, direction overrides. */
const hostile = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;
const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** User data on one line: control characters are shown, never obeyed. */
export function safe(text: string): string {
  return text.replace(hostile, (char) => named[char] ?? escaped(char));
}

/** The same for text of several lines. */
export function safeLines(text: string): string {
  return text.split('\n').map(safe).join('\n');
}

/** JSON that a terminal can show: what `safe` would not let through is escaped as JSON knows it. */
export function safeJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(hostile, (char) => (char === '\n' ? char : units(char)));
}

function units(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

function escaped(char: string): string {
  const code = (char.codePointAt(0) as number).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
}

/** Columns that the text takes; double-width characters count twice, colours not at all. */
export const widthOf = (text: string): number => stringWidth(text);

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** The same with the text at the right, for numbers. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** At most `width` columns; what was left out is shown as `…`. Plain text only: colour comes after. */
export function truncate(text: string, width: number | null): string {
  if (width === null || widthOf(text) <= width) return text;
  if (width < 1) return '';
  let short = '';
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width) break;
    short += segment;
  }
  return `${short}…`;
}

/** Keeps the end, which tells paths apart. */
export function truncateStart(text: string, width: number | null): string {
  if (width === null || widthOf(text) <= width) return text;
  if (width < 1) return '';
  const segments = [...graphemes.segment(text)].map(({ segment }) => segment).reverse();
  let short = '';
  let used = 1;
  for (const segment of segments) {
    used += widthOf(segment);
    if (used > width) break;
    short = segment + short;
  }
  return `…${short}`;
}

/** Lines of at most `width` columns, broken at spaces; a longer word stays whole, since it may have to be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/ *[^ ]+/g) ?? []) {
    if (line === '' || widthOf(line) + widthOf(word) <= width) line += word;
    else {
      lines.push(line);
      line = word.trimStart();
    }
  }
  return [...lines, line];
}

/** Narrower than this, what follows a name goes below it. */
const leastRoom = 32;

/**
 * `text` behind `head`, and going on below where it began: nothing is cut off. `paintText` colours each line by itself.
 * `head` may be coloured; `headWidth` is what it takes.
 */
export function hanging(
  { head, headWidth }: { head: string; headWidth: number },
  text: string,
  { width }: Look,
  paintText: (line: string) => string = (line) => line,
): string[] {
  if (width === null || headWidth + widthOf(text) <= width) return [`${head}${paintText(text)}`];
  const isBeside = width - headWidth >= leastRoom;
  const indent = ' '.repeat(isBeside ? headWidth : 4);
  const lines = wrap(text, width - indent.length).map((line) => `${indent}${paintText(line)}`);
  return isBeside
    ? [`${head}${lines[0]?.slice(indent.length)}`, ...lines.slice(1)]
    : [head.trimEnd(), ...lines];
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function widest(texts: string[]): number {
  return texts.reduce((most, text) => Math.max(most, widthOf(text)), 0);
}

/**
 * Lines into one text that ends in a line break. Spaces at line ends are dropped. With a look, what is wider than its
 * terminal goes on below, further to the right: a terminal by itself breaks words, which have to be read and copied.
 */
export function joinLines(lines: string[], { width }: Pick<Look, 'width'> = { width: null }): string {
  const shown =
    width === null
      ? lines
      : lines.flatMap((line) => (widthOf(line) <= width ? line : continued(line, width)));
  return `${shown.map((line) => line.trimEnd()).join('\n')}\n`;
}

function continued(line: string, width: number): string[] {
  const text = line.trimStart();
  const own = line.length - text.length;
  const indent = own === 0 ? 4 : own + 2;
  const [first = '', ...rest] = wrap(text, Math.max(8, width - indent));
  return [' '.repeat(own) + first, ...rest.map((each) => ' '.repeat(indent) + each)];
}
