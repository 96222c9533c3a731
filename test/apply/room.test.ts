import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { borgLab } from './backup-fixtures.ts';
import { extractLab } from './extract-lab.ts';

/** Whether what an archive holds fits is known for sure only when it is there. */

const dataset = 'pool/photo';
const archive = 'photo-2026-11-23T02:30:00Z';
const mega = 2 ** 20;

interface Told {
  available: number;
  used?: number;
  quota?: number;
  refquota?: number;
  /** Of what is there, and of that with its snapshots. */
  ratios?: [number, number];
  /** Available to the dataset above. */
  above?: number;
}

/** Of a fake borg that knows the size of the archive, or of each path. In MiB. */
function find(
  original: number,
  compressed: number,
  told: Told,
  over: { paths?: string[]; anew?: true } = {},
) {
  const { available, used = 0, quota = 0, refquota = 0, ratios = [1, 1], above = available } = told;
  const own = [...[available, used, quota, refquota].map((each) => each * mega), ...ratios];
  const zfs = fakeTool(
    `case "$*" in *' pool') echo ${above * mega} ;; *) printf '%s\\n' ${own.join(' ')} ;; esac`,
  );
  const sizes = { original_size: original * mega, compressed_size: compressed * mega };
  const stats = { nfiles: 3, deduplicated_size: 9, ...sizes };
  const info = { archives: [{ name: archive, id: 'a1', duration: 1, stats }] };
  const item = { path: 'db/1', mode: '-rw-r--r--', size: original * mega, csize: compressed * mega };
  const { options, repository } = borgLab(
    `case "$ARGS" in info*) echo '${JSON.stringify(info)}' ;; *) echo '${JSON.stringify(item)}' ;; esac`,
  );
  const executor = hostExecutor({ ...options, commands: { ...options.commands, zfs: zfs.command } });
  const { paths = [], ...rest } = over;
  const done = executor.execute({ op: 'borg-find', repository, archive, paths, dataset, ...rest }, {});
  return done.then(
    () => 'goes on',
    (error) => (error as StepError).message,
  );
}

describe('before anything is stopped', () => {
  it.each<[string, ...Parameters<typeof find>]>([
    ['that fits once ZFS compresses it', 400, 390, { available: 200, ratios: [2.1, 1] }],
    [
      'that did, as the snapshots of a dataset say where all was deleted',
      400,
      390,
      { available: 200, ratios: [1, 2] },
    ],
    ['that took less than it is onto a disk that is as large', 1500, 800, { available: 900 }],
    ['that ZFS may compress better than Borg has', 1500, 950, { available: 900 }],
    ['of holes', 102_400, 1, { available: 40_960 }],
    ['of holes at one path', 102_400, 1, { available: 40_960 }, { paths: ['db'] }],
    [
      'that is smaller than what a reference quota leaves',
      600,
      600,
      { available: 300, refquota: 1000, above: 5000 },
    ],
    [
      'of a pool with a reference quota',
      600,
      600,
      { available: 300, refquota: 1000, quota: 2000, used: 700, above: 5000 },
    ],
    ['where a part of it is, which goes first', 600, 600, { available: 200, used: 400 }, { anew: true }],
  ])('an archive %s is taken', async (_what, ...given) => {
    expect(await find(...given)).toBe('goes on');
  });

  const way = 'steward snapshot list shows what snapshots take up, also those of earlier restores';
  const refusal = (needs: number, has: number) =>
    `${archive} does not fit beside what is there: it takes about ${needs} MiB, and ${dataset} has ${has} MiB; ${way}; nothing was stopped`;

  it.each<[string, string, ...Parameters<typeof find>]>([
    ['is far from fitting', refusal(390, 100), 400, 390, { available: 100 }],
    ['is far from fitting at a path', refusal(390, 100), 400, 390, { available: 100 }, { paths: ['db'] }],
    [
      'is beyond a quota',
      refusal(900, 300),
      900,
      900,
      { available: 100, refquota: 5000, quota: 400, used: 100, above: 9000 },
    ],
    ['is beyond the pool', refusal(900, 300), 900, 900, { available: 100, refquota: 5000, above: 300 }],
  ])('one that %s is refused', async (_what, words, ...given) => {
    expect(await find(...given)).toBe(words);
  });
});

/** Files that a file system of `size` has no room for. */
function full(size: string) {
  const lab = extractLab();
  mkdirSync(lab.mountpoint);
  for (let file = 0; file < 40; file += 1)
    writeFileSync(path.join(lab.mountpoint, `${file}`), Buffer.alloc(100_000, `${file}`));
  lab.archive();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', lab.mountpoint]);
  const end = () => {
    execFileSync('umount', ['--lazy', lab.mountpoint]);
    lab.remove();
  };
  return { ...lab, end };
}

describe('where there is no room after all', () => {
  it('the extraction ends at the first file, and none of it stays: others live on the same pool', async () => {
    const { extract, mountpoint, end } = full('1m');
    const error = await extract().catch((error) => error);
    const left = readdirSync(mountpoint);
    end();
    expect(error).toBeInstanceOf(StepError);
    expect(error.message).toMatch(/No space left on device; there is no room left where it is restored to/);
    expect(error.message).not.toMatch(/No space left.*No space left/);
    expect(left).toEqual([]);
  });
});

/** A copy of one file, on a file system of `size`. */
async function copy(size: string, fill: (file: string) => void) {
  const { mountpoint, archive, executor, repository, remove } = extractLab();
  mkdirSync(mountpoint);
  fill(path.join(mountpoint, 'file'));
  archive();
  const folder = mkdtempSync(path.join(tmpdir(), 'copy-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  const step = { op: 'borg-extract-to' as const, repository, archive: 'all', paths: [], folder };
  const said = await executor()
    .execute(step, {})
    .then(
      () => 'done',
      (error) => (error as Error).message.replaceAll(folder, 'FOLDER'),
    );
  const bytes = statSync(path.join(folder, 'file'), { throwIfNoEntry: false })?.size ?? null;
  execFileSync('umount', ['--lazy', folder]);
  remove();
  return { said, bytes };
}

describe('a copy in a folder', () => {
  const noise = (file: string) => writeFileSync(file, randomBytes(3 * mega));

  it('has the holes that the files had, and needs no room for them', async () => {
    const hole = (file: string) => {
      writeFileSync(file, '');
      truncateSync(file, 64 * mega);
    };
    expect(await copy('2m', hole)).toEqual({ said: 'done', bytes: 64 * mega });
  });

  it('that is far from fitting is refused', async () => {
    const said = 'all does not fit: it takes about 4 MiB, and FOLDER has 1 MiB free';
    expect(await copy('1m', noise)).toEqual({ said, bytes: null });
  });

  it('that fills the disk ends there, and says what there is of it', async () => {
    expect((await copy('2m', noise)).said).toMatch(
      /No space left on device; there is no room left where .* there; what was extracted until then is in FOLDER$/,
    );
  });
});
