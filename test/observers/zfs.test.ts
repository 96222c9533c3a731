import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { observeZfs } from '../../observers/zfs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'observe-zfs-'));
let count = 0;

function tool(script: string): string {
  const file = path.join(folder, `tool${count++}`);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

const fixture = path.join(import.meta.dirname, 'fixtures/zfs-get.txt');
const goodZfs = tool(`cat ${fixture}`);
const goodZpool = tool("printf 'datapool\\tONLINE\\n'");

it('reads pools and datasets with one call each', async () => {
  const calls = path.join(folder, 'calls');
  const zfs = tool(`echo "zfs $*" >> ${calls}; cat ${fixture}`);
  const observed = await observeZfs({ commands: { zfs, zpool: goodZpool } });
  expect(observed).toMatchObject({ known: true, value: { pools: ['datapool'], fullPools: [] } });
  expect(readFileSync(calls, 'utf8')).toBe('zfs get -Hp -t filesystem -o name,property,value,source all\n');
});

it('knows a machine with working ZFS and nothing on it', async () => {
  const empty = tool('exit 0');
  expect(await observeZfs({ commands: { zfs: empty, zpool: empty } })).toEqual({
    known: true,
    value: { pools: [], fullPools: [], datasets: {} },
  });
});

const notLoaded = tool(
  `echo "The ZFS modules cannot be auto-loaded." >&2; echo "Try running 'modprobe zfs' as root to manually load them." >&2; exit 1`,
);

it.each([
  ['not installed', '/nowhere/zfs', /^\/nowhere\/zfs is not installed$/],
  ['without its module', notLoaded, /failed: The ZFS modules cannot be auto-loaded\.$/],
  ['hanging', tool('exec sleep 60'), /did not answer within 0\.3 s$/],
  ['printing nonsense', tool('echo banana'), /^zfs get printed something unexpected: "banana"$/],
  [
    'failing half-way',
    tool(`cat ${fixture}; echo "cannot open 'usb': I/O error" >&2; exit 1`),
    /cannot open 'usb'/,
  ],
])('is unknown, in one sentence, with a zfs that is %s', async (_how, zfs, sentence) => {
  const observed = await observeZfs({ commands: { zfs, zpool: goodZpool }, timeoutMs: 300 });
  expect(observed).toEqual({ known: false, error: expect.stringMatching(sentence) });
  expect((observed as { error: string }).error).not.toContain('\n');
});

it('is unknown when the pools are, whatever the datasets say', async () => {
  const observed = await observeZfs({ commands: { zfs: goodZfs, zpool: notLoaded } });
  expect(observed.known).toBe(false);
});

it('ends when it is asked to stop', async () => {
  const zfs = tool('exec sleep 60');
  const observed = await observeZfs({ commands: { zfs, zpool: goodZpool }, signal: AbortSignal.timeout(50) });
  expect(observed.known).toBe(false);
});
