import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import { borgLab, reference } from './backup-fixtures.ts';

/** What an extraction that does not come right proves of the archive. Real borg (1.2 or 1.4) where it is not said. */

const isRoot = process.getuid?.() === 0;
const dataset = 'pool/photo';
const archive = 'photo-2026-11-23T02:30:00Z';
const mounted: string[] = [];

afterEach(() => {
  for (const place of mounted.splice(0)) execFileSync('umount', ['--lazy', place]);
});

/** One large file and some small ones in an archive. */
function lab() {
  const folder = mkdtempSync(path.join(tmpdir(), 'extract-failure-'));
  const at = (name: string) => path.join(folder, name);
  for (const name of ['data/small', 'restored']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('data/large'), Buffer.alloc(3_000_000, 'large'));
  for (let file = 0; file < 40; file += 1)
    writeFileSync(at(`data/small/${file}`), `small ${file}`.repeat(500));
  const location = at('repository');
  const env = { ...process.env, BORG_BASE_DIR: at('other'), BORG_CHECK_I_KNOW_WHAT_I_AM_DOING: 'YES' };
  const borg = (...args: string[]) => execFileSync('borg', args, { env, cwd: at('data'), stdio: 'pipe' });
  borg('init', '-e', 'none', location);
  borg('create', '-C', 'none', `${location}::${archive}`, '.');
  const mountpoint = at('restored');
  return {
    borg,
    location,
    onTmpfs(options: string) {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mountpoint]);
      mounted.push(mountpoint);
    },
    extract: () =>
      failureOf(mountpoint, { ...reference, location, encryption: 'none' }, { stateDir: at('state') }),
  };
}

/** The list of mounts calls the folder a dataset's. */
async function failureOf(
  mountpoint: string,
  repository: typeof reference,
  options: object,
): Promise<StepError> {
  const fd = openSync(mountpoint, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  const readMountinfo = async () => `${id} 28 0:45 / ${mountpoint} rw - zfs ${dataset} rw\n`;
  const executor = hostExecutor({ ...options, readMountinfo });
  const mounts = [{ guard: { dataset, mountpoint }, below: '' }];
  return await executor
    .execute({ op: 'borg-extract', repository, archive, paths: [], mounts, owners: null }, {})
    .then(
      () => new Error('it succeeded'),
      (error) => error,
    );
}

/** Of a fake borg, which warns of these. */
function warned(messages: string[], exitCode = 1): Promise<StepError> {
  const lines = messages.map((message) =>
    JSON.stringify({ type: 'log_message', levelname: 'WARNING', message }),
  );
  const { options, repository } = borgLab(`cat <<'END' >&2\n${lines.join('\n')}\nEND\nexit ${exitCode}`);
  return failureOf(mkdtempSync(path.join(tmpdir(), 'extract-failure-')), repository, options);
}

describe('a full disk proves nothing of the archive, and is named', () => {
  it.runIf(isRoot).each([
    ['in the middle of a large file', 'size=1m'],
    ['with the last of the small ones', 'size=3000k'],
    ['of folders and files', 'size=100m,nr_inodes=20'],
  ])('%s', async (_when, options) => {
    const { onTmpfs, extract } = lab();
    onTmpfs(options);
    const error = await extract();
    expect(error).toBeInstanceOf(StepError);
    expect(error.message).toMatch(/No space left on device/);
    expect(error.message).toMatch(/no room left where it is restored to.*make room/);
    expect(error.isDamage).toBe(false);
  });
});

describe('the archive is damaged, beyond doubt,', () => {
  it('where its data does not match its checksum', async () => {
    const { location, extract } = lab();
    spoil(location);
    expect(await extract()).toMatchObject({
      name: 'StepError',
      isDamage: true,
      message: expect.stringMatching(/is damaged; run borg/),
    });
  });

  it('where a repair has put zeros in the place of data', async () => {
    const { location, borg, extract } = lab();
    spoil(location);
    expect(() => borg('check', '--repair', location)).not.toThrow();
    expect(await extract()).toMatchObject({
      isDamage: true,
      message: expect.stringMatching(/large: File has damaged \(all-zero\) chunks/),
    });
  });
});

describe('of what is only warned of', () => {
  const damaged = 'a/b: File has damaged (all-zero) chunks. Try running borg check --repair.';
  const attributes = 'a/b: attrs: [Errno 95] Operation not supported';
  const full = 'c: write: [Errno 28] No space left on device';
  const many = Array.from({ length: 150 }, (_, index) => damaged.replace('b:', `${index}:`));

  it.each<[string, string[], boolean, RegExp]>([
    ['data that a repair has replaced', [damaged], true, /a\/b: File has damaged/],
    [
      'a size that does not match',
      ['x: Size inconsistency detected: size 5, chunks size 4'],
      true,
      /inconsist/,
    ],
    ['the greeting of a server besides', ['Remote: [Errno 0] welcome', damaged], true, /damaged/],
    ['access lists that are not taken', [attributes], false, /Errno 95.*acltype: posix/],
    [
      'attributes that are not taken',
      ['when setting extended attribute user.x: [Errno 1] Operation not permitted: 7'],
      false,
      /this server, not of the archive/,
    ],
    ['a disk that is full as well', [damaged, full], false, /Errno 28.*make room/],
    ['a full disk behind more than are kept', [...many, full], false, /Errno 28.*make room/],
    ['a used-up quota', ['c: write: [Errno 122] Disk quota exceeded'], false, /raise a quota/],
    ['a disk that fails', ['c: write: [Errno 5] Input/output error'], false, /zpool status/],
    ['a file system that is read-only', ['c: open: [Errno 30] Read-only file system'], false, /read-only/],
    ['what nobody knows', ['something'], false, /does not prove the archive damaged/],
  ])('%s', async (_what, messages, isDamage, words) => {
    expect(await warned(messages)).toMatchObject({
      name: 'StepError',
      isDamage,
      message: expect.stringMatching(words),
    });
  });
});

it.each([
  [17, true],
  [90, true],
  [92, true],
  [12, false],
  [80, false],
  [14, false],
])('borg that gives up with %i: damaged %s', async (exitCode, isDamage) => {
  expect(await warned([], exitCode)).toMatchObject({ name: 'StepError', isDamage });
  expect(await warned(['c: write: [Errno 28] No space left on device'], exitCode)).toMatchObject({
    isDamage: false,
  });
});

/** One byte of the large file is another one in the repository. */
function spoil(location: string): void {
  for (const name of readdirSync(path.join(location, 'data/0'))) {
    const file = path.join(location, 'data/0', name);
    const content = readFileSync(file);
    const place = content.indexOf('largelargelarge'.repeat(100));
    if (place < 0) continue;
    content[place + 500] = 0;
    writeFileSync(file, content);
  }
}
