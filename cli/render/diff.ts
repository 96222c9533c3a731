import { createTwoFilesPatch } from 'diff';
import { joinLines, type Look, paint, safe } from './text.ts';

/** A unified diff of one file; empty when both are the same. Null: the file is not there. */
export function renderDiff(
  before: string | null,
  after: string | null,
  path: string,
  look: Look = { color: false, width: null },
): string {
  if (before === after) return '';
  const [from, to] = [
    before === null ? '/dev/null' : `a/${path}`,
    after === null ? '/dev/null' : `b/${path}`,
  ];
  const patch = createTwoFilesPatch('a', 'b', before ?? '', after ?? '', undefined, undefined, {
    context: 3,
  });
  const body = patch
    .split('\n')
    .slice(3)
    .filter((line, index, all) => index < all.length - 1 || line !== '');
  const head = [paint(look, 'bold', `--- ${safe(from)}`), paint(look, 'bold', `+++ ${safe(to)}`)];
  return joinLines([...head, ...body.map((line) => coloured(line, look))]);
}

function coloured(line: string, look: Look): string {
  const text = line.replaceAll('\t', '    ');
  if (line.startsWith('@@')) return paint(look, 'cyan', safe(text));
  if (line.startsWith('+')) return paint(look, 'green', safe(text));
  if (line.startsWith('-')) return paint(look, 'red', safe(text));
  return safe(text);
}
