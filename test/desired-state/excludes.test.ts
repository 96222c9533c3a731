import { expect, test } from 'vitest';
import { boundedTest } from '../../desired-state/bounded-regex.ts';
import { dockerIgnore } from '../../desired-state/docker-ignore.ts';
import { leftOutBy } from '../../desired-state/excludes.ts';
import type { RepositoryFiles } from '../../desired-state/files.ts';

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

test.each([
  ['re:(a+)+$', `${'a'.repeat(40)}!`],
  [`fm:${'*a'.repeat(40)}`, 'a'.repeat(200)],
  [`sh:${'**/'.repeat(40)}x`, 'a/'.repeat(200)],
])('a pattern that comes to no end keeps nobody waiting, and is told: %s', (pattern, folder) => {
  expect(leftOutBy([pattern], folder)).toBe(pattern);
  expect(leftOutBy([pattern, 'b'], `${folder}b`)).toBe(pattern);
});

test('nor does one of .dockerignore', async () => {
  const bytes = Buffer.from(`${'*a'.repeat(40)}b\n*.tmp\n`);
  const skip = await dockerIgnore(
    { read: () => ({ bytes }) } as unknown as RepositoryFiles,
    'services/photo',
  );
  expect(skip?.(`services/photo/${'a'.repeat(200)}`, false)).toBe(false);
  expect(skip?.('services/photo/x.tmp', false)).toBe(true);
});

test.each([
  [/^(?:[^/]*\/)*thumbs$/, 'library/a/thumbs', true],
  [/a|b/, 'xb', true],
  [/^a.*b.*c$/, 'axbxd', false],
])('%s says of %s what it says without a bound', (regex, text, expected) => {
  expect(boundedTest(regex, text, !expected)).toBe(expected);
});
