import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseEntry, recordsOf } from '../../../reconciler/proof/listing.ts';
import { differencesOf } from '../../../reconciler/proof/tree-difference.ts';
import { shown } from '../../../tools/shown.ts';

/** What is called and how it is -> the records, sorted byte by byte as `sort -z` does. */
function listing(tree: Map<string, string>): Buffer[] {
  return [...tree].map(([path, meta]) => Buffer.from(`${path}//${meta}`)).sort(Buffer.compare);
}

async function* each(records: Buffer[]): AsyncGenerator<Buffer> {
  yield* records;
}

// Characters that sort before and after the slash, which is where the order of paths is not that of their letters.
const name = fc.string({ unit: fc.constantFrom('a', '!', '0', '.', ' ', 'é'), minLength: 1, maxLength: 2 });
const path = fc.array(name, { minLength: 0, maxLength: 3 }).map((names) => names.join('/'));
const meta = fc.constantFrom('f 644 0 0 1 ', 'f 644 0 0 2 ', 'l 777 0 0 0 a//b', 'd 755 0 0 0 ');
const tree = fc.array(fc.tuple(path, meta), { maxLength: 12 }).map((entries) => new Map(entries));

it('each path that is not the same on both sides counts once', async () => {
  await fc.assert(
    fc.asyncProperty(tree, tree, async (was, is) => {
      const paths = [...new Set([...was.keys(), ...is.keys()])];
      const expected = paths.filter((each) => was.get(each) !== is.get(each));
      const { count, first } = await differencesOf(each(listing(was)), each(listing(is)));
      expect(count).toBe(expected.length);
      expect(first).toHaveLength(Math.min(expected.length, 5));
      for (const gone of expected.slice(0, 5).filter((each) => count <= 5 && !is.has(each)))
        expect(first).toContain(`${shown(Buffer.from(gone))} is missing`);
    }),
  );
});

it('records come whole, however the bytes are cut', async () => {
  const bytes = Buffer.from('a//f\0b\nc//d\0\0last//p\0');
  for (let at = 0; at <= bytes.length; at += 1) {
    const found: string[] = [];
    const pieces = (async function* () {
      yield bytes.subarray(0, at);
      yield bytes.subarray(at);
    })();
    for await (const batch of recordsOf(pieces)) found.push(...batch.map(String));
    expect(found).toEqual(['a//f', 'b\nc//d', '', 'last//p']);
  }
});

it('a target keeps its blanks and slashes', () => {
  const entry = parseEntry(Buffer.from('some link//l 777 5 6 0  a //b '));
  expect({ ...entry, path: String(entry.path), target: String(entry.target) }).toEqual({
    path: 'some link',
    type: 'l',
    mode: '777',
    owner: '5:6',
    size: 0,
    target: ' a //b ',
  });
});

it('names that are no text, or would break a line, are shown byte by byte', () => {
  expect(shown(Buffer.from('weiß und ?'))).toBe('weiß und ?');
  expect(shown(Buffer.from('a\nb\xff', 'latin1'))).toBe('a\\x0ab\\xff');
  expect(shown(Buffer.alloc(0))).toBe('.');
});
