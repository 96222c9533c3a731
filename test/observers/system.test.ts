import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { observePaths, observeSystem, parseIds, parseRanges } from '../../observers/system.ts';

const folder = () => mkdtempSync(path.join(tmpdir(), 'observe-system-'));

it('reads users and groups, and passes over lines that are neither', () => {
  const text = '# local\nroot:x:0:\n\nlabdata:x:990:ada,bob\nbroken\n+::::::\nodd:x:many:\n';
  expect(parseIds(text)).toEqual({ root: 0, labdata: 990 });
});

it('reads all ranges of each name, in the order of the file', () => {
  const text = 'ada:100000:65536\ndockremap:165536:65536\nada:900000:10\nbad:x:1\n';
  expect(parseRanges(text)).toEqual({
    ada: [
      { start: 100000, count: 65536 },
      { start: 900000, count: 10 },
    ],
    dockremap: [{ start: 165536, count: 65536 }],
  });
});

it('knows a system without subordinate ids', async () => {
  const etc = folder();
  writeFileSync(path.join(etc, 'group'), 'root:x:0:\n');
  writeFileSync(path.join(etc, 'passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  expect(await observeSystem({ etc })).toEqual({
    known: true,
    value: { groups: { root: 0 }, users: { root: 0 }, subUids: {}, subGids: {} },
  });
});

it('does not know users and groups without their files', async () => {
  expect(await observeSystem({ etc: folder() })).toMatchObject({ known: false });
});

it('tells a directory, something else, nothing and unknown apart, and follows no link', async () => {
  const at = folder();
  mkdirSync(path.join(at, 'dir'), { mode: 0o750 });
  mkdirSync(path.join(at, 'dir/below'));
  writeFileSync(path.join(at, 'file'), '');
  symlinkSync(path.join(at, 'nowhere'), path.join(at, 'dangling'));
  symlinkSync(path.join(at, 'dir'), path.join(at, 'link'));
  const paths = ['dir', 'file', 'link', 'link/below', 'dangling', 'none', 'file/below'].map((name) =>
    path.join(at, name),
  );
  const observed = await observePaths(paths, {});
  expect(paths.map((one) => observed[one])).toEqual([
    {
      known: true,
      value: { type: 'directory', uid: process.getuid?.(), gid: process.getgid?.(), mode: '0750' },
    },
    { known: true, value: { type: 'other' } },
    { known: true, value: { type: 'link' } },
    { known: true, value: { type: 'link' } },
    { known: true, value: { type: 'link' } },
    { known: true, value: { type: 'absent' } },
    { known: false, error: expect.stringContaining('ENOTDIR') },
  ]);
});
