import { execFileSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { OwnerMove } from '../../reconciler/owners/move.ts';
import type { BorgExtract } from '../../reconciler/types.ts';
import { reference } from './backup-fixtures.ts';

/** Names that are no text, as old photos have them: real files, and real borg on a local folder. */

const folder = mkdtempSync(path.join(tmpdir(), 'apply-odd-names-'));
const at = (name: string) => path.join(folder, name);
const repository = { ...reference, location: at('repository'), encryption: 'none' };
const mountpoint = at('photo');
const guard = { dataset: 'pool/photo', mountpoint };
const mounts = [{ guard, below: '' }];

const owners: OwnerMove = {
  uid: [{ first: 0, count: 65_536, to: 100_000 }],
  gid: [{ first: 0, count: 65_536, to: 100_000 }],
  hostTops: [],
};

/** One character a byte. */
const bytes = (place: string) => Buffer.from(place, 'latin1');
const write = (place: string, content: string) => writeFileSync(bytes(path.join(mountpoint, place)), content);

beforeAll(() => {
  fill();
  const env = { ...process.env, BORG_BASE_DIR: at('borg-by-hand') };
  const run = (...args: string[]) => execFileSync('borg', args, { env, cwd: mountpoint, stdio: 'pipe' });
  run('init', '-e', 'none', repository.location);
  run('create', `${repository.location}::all`, '.');
});
beforeEach(fill);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

function executor() {
  const line = `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw shared:5 - zfs ${guard.dataset} rw\n`;
  return hostExecutor({ stateDir: at('state'), readMountinfo: async () => line });
}

function mountIdOf(directory: string): string {
  const fd = openSync(directory, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

async function extract(over: Partial<BorgExtract> = {}): Promise<void> {
  const step: BorgExtract = {
    op: 'borg-extract',
    repository,
    archive: 'all',
    paths: [],
    mounts,
    owners: null,
  };
  await executor().execute({ ...step, ...over }, {});
}

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
