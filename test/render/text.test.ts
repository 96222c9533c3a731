import { expect, it } from 'vitest';
import { joinLines, paint } from '../../cli/render/text.ts';

it('what is wider than the terminal goes on below, further to the right, and no word is broken', () => {
  const lines = ['! photo: run steward keys export', '    it did not stop in time', 'short'];
  expect(joinLines(lines, { width: 24 }).split('\n')).toEqual([
    '! photo: run steward',
    '    keys export',
    '    it did not stop in',
    '      time',
    'short',
    '',
  ]);
});

it('colour takes no room, and a pipe gets each line whole', () => {
  const red = paint({ color: true, width: null }, 'red', 'twelve chars');
  expect(joinLines([red], { width: 12 })).toBe(`${red}\n`);
  expect(joinLines(['a line of some words  '], { width: null })).toBe('a line of some words\n');
  expect(joinLines(['a line of some words'])).toBe('a line of some words\n');
});
