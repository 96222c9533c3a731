import { describe, expect, it } from 'vitest';
import { fileDiffLines } from '../../cli/render/file-diffs.ts';
import { change } from '../support/build.ts';

const file = 'services/central_hub/Caddyfile';
const origin = { file, line: 1, column: 1 };
const mounted = change('compose-stack:central_hub', {
  reasons: [{ field: 'file', from: 'aaaaaaa', to: 'bbbbbbb', origin }],
});
const plain = { color: false, width: null, verbose: false };
const contents = (before: string | null, after: string | null) => () => ({ before, after });

describe('the diff of a mounted file', () => {
  it('shows what goes and what comes', () => {
    const lines = fileDiffLines(mounted, { ...plain, fileChange: contents('a\nb\n', 'a\nc\n') });
    expect(lines.map((line) => line.trim())).toEqual(['@@ -1,2 +1,2 @@', 'a', '-b', '+c']);
  });

  it('is cut when it is long, and says how to see the rest', () => {
    const long = Array.from({ length: 100 }, (_, index) => `line ${index}\n`).join('');
    const options = { ...plain, fileChange: contents('', long) };
    expect(fileDiffLines(mounted, options).at(-1)).toContain('89 more lines: steward plan -v');
    expect(fileDiffLines(mounted, { ...options, verbose: true })).toHaveLength(101);
  });

  it.each([
    ['a secret', [{ field: 'file', from: '#aaaaaa', to: '#bbbbbb', origin }], 'password'],
    ['a binary file', mounted.reasons, 'a\0b'],
    ['something else than a file', [{ field: 'image', from: '1', to: '2', origin }], 'text'],
  ])('is not shown of %s', (_name, reasons, text) => {
    const options = { ...plain, fileChange: contents(null, text) };
    expect(fileDiffLines({ ...mounted, reasons }, options)).toEqual([]);
  });
});
