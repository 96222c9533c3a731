import { expect, test } from 'vitest';
import { leftOutBy } from '../../desired-state/excludes.ts';

/** As Borg 1.2.4 did with each pattern on a real tree: an archive held nothing of the folder, or something. */
const tried: [pattern: string, folder: string, leavesOut: boolean][] = [
  ['prometheus/**', 'prometheus', true],
  ['prometheus/**', 'cache', false],
  ['prometheus/*', 'prometheus', true],
  ['prometheus/*', 'prometheus/wal/x', true],
  ['prometheus', 'prometheus', true],
  ['prometheus/', 'prometheus', true],
  ['/prometheus', 'prometheus', true],
  ['./cache', 'cache/a', true],
  ['*/thumbs', 'library/thumbs', true],
  ['*/thumbs', 'library', false],
  ['library/?humbs', 'library/thumbs', true],
  ['fm:ca*', 'cache', true],
  ['prometheus/[!.]*', 'prometheus', false],
  ['prometheus/[!.]*', 'prometheus/wal', true],
  ['prometheus/[!.]*', 'prometheus/.h', false],
  ['*.tmp', 'x.tmp', true],
  ['*.tmp', 'cache', false],
  ['*', '', true],
  ['**', 'library', true],
  ['sh:**/thumbs', 'library/thumbs', true],
  ['sh:library/*', 'library', true],
  ['sh:*/thumbs', 'library/thumbs', true],
  ['sh:*', 'cache', true],
  ['sh:thumbs', 'library/thumbs', false],
  ['pp:library', 'library/thumbs', true],
  ['pp:/library/', 'library', true],
  ['pp:lib', 'library', false],
  ['pf:library', 'library/real', true],
  ['pf:library/real/d', 'library/real', false],
  ['re:^cache', 'cache', true],
  ['re:thumbs/', 'library/thumbs', true],
  ['re:thumbs/', 'library', false],
  ['re:(', 'library', false],
];

test.each(tried)('%s of %j: %s', (pattern, folder, leavesOut) => {
  expect(leftOutBy([pattern], folder)).toBe(leavesOut ? pattern : null);
});

test('the pattern that does it is named, not its neighbours', () => {
  expect(leftOutBy(['*.tmp', 'library/thumbs/**'], 'library/thumbs')).toBe('library/thumbs/**');
  expect(leftOutBy([], 'library')).toBeNull();
});
