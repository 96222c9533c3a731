import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { extractLab, owners } from './extract-lab.ts';

/** Names that are no text, as old photos have them. */

const { mountpoint, guard, mounts, executor, archive, extract, remove } = extractLab();

/** One character a byte. */
const bytes = (place: string) => Buffer.from(place, 'latin1');
const write = (place: string, content: string) => writeFileSync(bytes(path.join(mountpoint, place)), content);

beforeAll(() => {
  fill();
  archive();
});
beforeEach(fill);
afterAll(remove);

function fill(): void {
  rmSync(mountpoint, { recursive: true, force: true });
  mkdirSync(bytes(path.join(mountpoint, '2004', 'caf\xe9')), { recursive: true });
  write('2004/caf\xe9/Z\xfcrich.jpg', 'in a folder');
  write('2004/a.jpg', 'plain');
  write('Z\xfcrich.jpg', 'at the top');
}

/** `path uid`, one character a byte. */
function found(): string[] {
  const list = execFileSync('find', ['.', '-type', 'f', '-printf', '%P %U\\0'], { cwd: mountpoint });
  return list.toString('latin1').split('\0').filter(Boolean).sort();
}

const whole = (uid: number) => [
  `2004/a.jpg ${uid}`,
  `2004/caf\xe9/Z\xfcrich.jpg ${uid}`,
  `Z\xfcrich.jpg ${uid}`,
];

describe('files whose names are no text', () => {
  it('are replaced by a restore, and one that came later goes', async () => {
    for (const place of ['Z\xfcrich.jpg', '2004/caf\xe9/Z\xfcrich.jpg']) write(place, 'wrong');
    for (const place of ['new\xfcr.jpg', '2004/new\xfcr.jpg', '2004/caf\xe9/new\xfcr.jpg'])
      write(place, 'new');
    await extract();
    expect(found()).toEqual(whole(0));
    expect(readFileSync(bytes(path.join(mountpoint, 'Z\xfcrich.jpg')), 'utf8')).toBe('at the top');
  });

  it('go with the folder that is restored', async () => {
    write('2004/new\xfcr.jpg', 'new');
    await extract({ paths: ['2004'] });
    expect(found()).toEqual(whole(0));
  });

  it('get the numbers of this server, and may be recovered as often as it takes', async () => {
    await extract({ owners });
    expect(found()).toEqual(whole(100_000));
    await extract({ owners });
    expect(found()).toEqual(whole(100_000));
  });

  it('are named byte by byte where this server has no number for their owner', async () => {
    const none = { ...owners, uid: [{ first: 0, count: 65_536, to: null }] };
    await expect(extract({ owners: none })).rejects.toThrow(/Z\\xfcrich\.jpg belongs to 0:0, for which/);
  });

  it('get the owner that a directory has with all that is in it', async () => {
    const step = { op: 'directory-owner' as const, path: path.join(mountpoint, '2004'), guard };
    await executor().execute({ ...step, uid: 100_999, gid: 100_999, recursive: true }, {});
    expect(found()).toEqual(['2004/a.jpg 100999', '2004/caf\xe9/Z\xfcrich.jpg 100999', 'Z\xfcrich.jpg 0']);
    const { uid } = lstatSync(bytes(path.join(mountpoint, '2004/caf\xe9')));
    expect(uid).toBe(100_999);
  });

  it('are data, and named byte by byte', async () => {
    for (const place of ['2004/a.jpg', 'Z\xfcrich.jpg']) rmSync(bytes(path.join(mountpoint, place)));
    const look = (sinceMs?: number) =>
      executor().execute({ op: 'require-empty', mounts, mounted: true, ...(sinceMs && { sinceMs }) }, {});
    await expect(look()).rejects.toThrow(
      `pool/photo holds data already (${mountpoint}/2004/caf\\xe9/Z\\xfcrich.jpg)`,
    );
    await look(Date.now() + 60_000);
  });
});
