import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { archiveComment } from '../../reconciler/owners/comment.ts';
import { type OwnerMove, planOwners } from '../../reconciler/owners/move.ts';
import type { NumbersHere, OwnerNumbers } from '../../reconciler/owners/numbers.ts';
import { readOwners } from '../../reconciler/owners/read.ts';
import type { BorgExtract, RestoreMount } from '../../reconciler/types.ts';
import { reference } from './backup-fixtures.ts';

/** Real borg on a local folder, restored where the ids of containers begin elsewhere. */

const folder = mkdtempSync(path.join(tmpdir(), 'apply-owners-'));
const at = (name: string) => path.join(folder, name);
const repository = { ...reference, location: at('repository'), encryption: 'none' };

/** The old server, and a new one whose range overlaps with its: many a number means something on both. */
const ids = (start: number) => [{ start, count: 65_536 }];
const there: OwnerNumbers = {
  userns: { uid: ids(100_000), gid: ids(100_000) },
  group: { name: 'labdata', gid: 999 },
};
const bare: OwnerNumbers = { ...there, userns: null };
const here: NumbersHere = {
  userns: { uid: ids(110_000), gid: ids(110_000) },
  group: { name: 'labdata', gid: 998 },
  groups: { labdata: 998 },
  hostTops: [],
};
const move = (from = there, to: Partial<NumbersHere> = {}) => planOwners(from, { ...here, ...to }).owners;

beforeAll(() => {
  mkdirSync(at('outside'));
  write('outside/precious', 105_000);
  fill();
  for (const [name, numbers] of Object.entries({ remapped: there, bare }))
    archive(name, archiveComment(['pool/photo'], numbers, false));
  archive('old', 'steward: pool/photo');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  for (const name of ['restored', 'other']) {
    rmSync(at(name), { recursive: true, force: true });
    mkdirSync(at(name));
  }
});

function own(name: string, uid: number, gid = uid, mode?: number): void {
  lchownSync(at(name), uid, gid);
  if (mode !== undefined) chmodSync(at(name), mode);
}

function write(name: string, uid: number, gid = uid, mode?: number): void {
  writeFileSync(at(name), name);
  own(name, uid, gid, mode);
}

function fill(): void {
  for (const name of ['data/db/base', 'data/media']) mkdirSync(at(name), { recursive: true });
  own('data', 0, 0, 0o755);
  own('data/db', 100_999, 999, 0o2770);
  own('data/db/base', 100_999, 100_999, 0o700);
  own('data/media', 105_000, 999, 0o2775);
  write('data/db/base/1', 115_000, 100_000, 0o600);
  write('data/db/tool', 100_000, 100_999, 0o6755);
  write('data/media/of-the-host', 0, 1000, 0o4644);
  write('data/media/strange', 165_536, 99_999, 0o640);
  write('data/media/one', 110_000, 999, 0o664);
  linkSync(at('data/media/one'), at('data/media/two'));
  linkSync(at('data/media/one'), at('data/db/three'));
  symlinkSync(at('outside/precious'), at('data/link'));
  own('data/link', 100_000);
  execFileSync('mkfifo', [at('data/pipe')]);
  own('data/pipe', 101_000, 999, 0o640);
}

function archive(name: string, comment: string): void {
  const env = { ...process.env, BORG_BASE_DIR: at('borg-by-hand') };
  const run = (...args: string[]) => execFileSync('borg', args, { env, cwd: at('data'), stdio: 'pipe' });
  if (name === 'remapped') run('init', '-e', 'none', repository.location);
  run('create', '--comment', comment, `${repository.location}::${name}`, '.');
}

const mount = (name: string, below = ''): RestoreMount => ({
  guard: { dataset: `pool/${name}`, mountpoint: at(name) },
  below,
});

/** Where the list of mounts calls these folders datasets. */
function executor(...mounts: RestoreMount[]) {
  const lines = mounts.map(
    ({ guard: { dataset, mountpoint } }) =>
      `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw shared:5 - zfs ${dataset} rw\n`,
  );
  return hostExecutor({ stateDir: at('state'), readMountinfo: async () => lines.join('') });
}

function mountIdOf(directory: string): string {
  const fd = openSync(directory, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

async function extract(owners: OwnerMove | null, over: Partial<BorgExtract> = {}): Promise<void> {
  const mounts = [mount('restored')];
  const from = { repository, archive: 'remapped', paths: [] };
  const step: BorgExtract = { op: 'borg-extract', ...from, mounts, owners, ...over };
  await executor(...step.mounts).execute(step, {});
}

/** `uid:gid mode` */
function look(name: string): string {
  const { uid, gid, mode } = lstatSync(at(name));
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

function below(name: string): Record<string, string> {
  const found = execFileSync('find', ['.'], { cwd: at(name), encoding: 'utf8' })
    .trim()
    .split('\n');
  return Object.fromEntries(found.map((each) => [each, look(path.join(name, each))]));
}

const wanted = {
  '.': '0:0 755',
  './db': '110999:998 2770',
  './db/base': '110999:110999 700',
  './db/base/1': '125000:110000 600',
  './db/three': '120000:998 664',
  './db/tool': '110000:110999 6755',
  './link': '110000:110000 777',
  './media': '115000:998 2775',
  './media/of-the-host': '0:1000 4644',
  './media/one': '120000:998 664',
  './media/strange': '165536:99999 640',
  './media/two': '120000:998 664',
  './pipe': '111000:998 640',
};

describe('what is restored where containers have other numbers', () => {
  it('has the owners that its containers saw, once each, and every mode', async () => {
    await extract(move());
    expect(below('restored')).toEqual(wanted);
    expect(lstatSync(at('restored/media/one')).nlink).toBe(3);
    expect(look('outside/precious')).toMatch(/^105000:105000 /);
  });

  it('stays as it is in the archive where nothing is to be moved', async () => {
    await extract(null);
    expect(below('restored')).toEqual(below('data'));
  });

  it('begins anew after it was cut off in the middle, and is a mixture at no end', async () => {
    const all = move();
    const cut = all && { ...all, uid: [{ first: 115_000, count: 1, to: null }, ...all.uid] };
    await expect(extract(cut)).rejects.toThrow(/restored\/db\/base\/1 belongs to 115000:100000/);
    expect(below('restored')).not.toEqual(wanted);
    await extract(all);
    expect(below('restored')).toEqual(wanted);
  });

  it('that is one path leaves the owners of everything else, which are of this server already', async () => {
    write('restored/beside', 100_500);
    own('restored', 100_700);
    await extract(move(), { paths: ['db'] });
    expect(look('restored/beside')).toMatch(/^100500:100500 /);
    expect(look('restored')).toMatch(/^100700:100700 /);
    expect(look('restored/db')).toBe(wanted['./db']);
    expect(look('restored/db/base/1')).toBe(wanted['./db/base/1']);
  });

  it('that is one path has the folders above it from the archive, too, where these are gone', async () => {
    await extract(move(), { paths: ['db/base/1'] });
    expect(below('restored')).toEqual({
      '.': expect.stringMatching(/^0:0 /),
      './db': wanted['./db'],
      './db/base': wanted['./db/base'],
      './db/base/1': wanted['./db/base/1'],
    });
  });

  it('keeps the owner of a dataset of which the archive has nothing', async () => {
    own('other', 100_700);
    await extract(move(), { mounts: [mount('restored'), mount('other', 'left-out')] });
    expect(look('other')).toMatch(/^100700:100700 /);
    expect(below('restored')).toEqual(wanted);
  });

  it('is its containers’ where there was no userns-remap, but not a top that none of them sees', async () => {
    await extract(move(bare, { hostTops: [at('restored')] }), { archive: 'bare' });
    expect(look('restored')).toBe('0:0 755');
    expect(look('restored/media/of-the-host')).toBe('110000:111000 4644');
    expect(look('restored/media')).toBe('105000:998 2775');
    await extract(move(bare), { archive: 'bare' });
    expect(look('restored')).toBe('110000:110000 755');
  });

  it('is refused where this server has no number for an owner, with what to do', async () => {
    const small = { userns: { uid: [{ start: 110_000, count: 10 }], gid: ids(110_000) } };
    await expect(extract(move(there, small))).rejects.toMatchObject({
      name: 'StepError',
      message: expect.stringMatching(/ belongs to 1\d{5}:\d+, .*\/etc\/subuid.*restart Docker$/),
      retryable: false,
    });
  });
});

describe('an archive', () => {
  const asked = (name: string) => readOwners({ repository, archive: name }, here, executor());

  it('is asked what its numbers meant', async () => {
    expect(await asked('remapped')).toEqual({
      owners: move(),
      note: 'owners moved from base 100000 to 110000 and of group labdata from 999 to 998',
    });
  });

  it('that does not say keeps its numbers, and a person is told', async () => {
    const note = expect.stringMatching(/^the archive does not say what the numbers of its owners meant/);
    expect(await asked('old')).toEqual({ owners: null, note });
  });

  it.each(['remappe?', '*', 'none'])('that is not there says nothing: %s', async (name) => {
    await expect(asked(name)).rejects.toThrow(`there is no archive ${name} in ${repository.location}`);
  });
});
