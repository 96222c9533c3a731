import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { changedPaths } from '../../reconciler/apply/rollback.ts';
import { allFiles, inMounts, placesOf } from '../../reconciler/apply/rollback-argv.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import type { Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';

const places = placesOf({ runDir: '/run/steward', stateDir: '/var/lib/steward' }, 'photo');

it('the files that zfs diff names are those that are there now, byte by byte', async () => {
  const diff = [
    'M\t/\t/data/photo/',
    'M\tF\t/data/photo/same\\0040time',
    '-\tF\t/data/photo/gone',
    '+\tF\t/data/photo/\\0303\\0244',
    'R\tF\t/data/photo/old\t/data/photo/new',
    'M\tF\t/data/photo/db/hidden',
    'M\tF\t/data/photos/other',
    '+\t@\t/data/photo/link',
  ];
  const batches = async function* () {
    yield diff.slice(0, 3);
    yield diff.slice(3);
  };
  const paths: Buffer[] = [];
  for await (const batch of changedPaths(batches(), '/data/photo', ['db'])) paths.push(batch);
  expect(Buffer.concat(paths).toString('utf8').split('\0')).toEqual(['same time', 'ä', 'new', '']);
});

it('a mountpoint of any letters, which zfs diff writes in the same way, is found again', async () => {
  const diff = [
    'M\tF\t/srv/donn\\0303\\0251es/my\\0040photos/\\0374ber',
    'M\tF\t/srv/donn\\0303\\0251es/mine/b',
  ];
  const paths: Buffer[] = [];
  const batches = async function* () {
    yield diff;
  };
  for await (const batch of changedPaths(batches(), '/srv/données/my photos', [])) paths.push(batch);
  expect(Buffer.concat(paths)).toEqual(Buffer.from('\xfcber\0', 'latin1'));
});

it('what is mounted below a dataset is neither copied nor deleted, whatever it is called', () => {
  const excludes = allFiles(places, ['db', 'a*b\\c', 'back\\slash']).filter((arg) =>
    arg.startsWith('--exclude'),
  );
  expect(excludes).toEqual(['--exclude=/db', '--exclude=/a\\*b\\\\c', '--exclude=/back\\slash']);
});

it('mounts are in a namespace of their own, and no path is part of the script', () => {
  const argv = inMounts('a@b', '/data/x; rm -rf "$HOME"', places, ['true']);
  expect(argv.slice(0, 7)).toEqual(['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', 'sh', '-c']);
  expect(argv[7]).not.toContain('data');
  expect(argv).toContain('/data/x; rm -rf "$HOME"');
});

const guard = { dataset: 'pool/photo', mountpoint: '/nowhere/photo' };
const step: Extract<Step, { op: 'files-restore' }> = {
  ...{ op: 'files-restore', service: 'photo', snapshot: 'pool/photo@a', safety: 'pool/photo@safe', guard },
};

it('nothing is written where the dataset is not mounted', async () => {
  const zfs = fakeTool('echo "$*" >> "$LOG"');
  const run = hostExecutor({ commands: { zfs: zfs.command } }).execute(step, {});
  await expect(run).rejects.toThrow(StepError);
  await expect(run).rejects.toThrow('pool/photo is not mounted at /nowhere/photo; nothing was written');
  expect(zfs.calls()).toEqual([]);
});

/** Tools that only say what a test wants: `diff` is what zfs does, `compared` what rsync does at last. */
function lab(diff: string, compared = '') {
  const folder = mkdtempSync(path.join(tmpdir(), 'rollback-'));
  const mountpoint = path.join(folder, 'photo');
  const zfs = fakeTool(`mkdir -p ${mountpoint}; changed="M\\tF\\t${mountpoint}"; ${diff}`);
  const rsync = fakeTool(`case "$*" in
*--dry-run*) ${compared} ;;
*--files-from=*) list=$(for arg; do case "$arg" in --files-from=*) echo "\${arg#*=}" ;; esac; done)
  tr -cd '\\0' < "$list" | wc -c >> "$LOG" ;;
esac`);
  mkdirSync(mountpoint);
  const descriptor = openSync(mountpoint, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
  closeSync(descriptor);
  const executor = hostExecutor({
    commands: { zfs: zfs.command, setpriv: rsync.command },
    ...{ stateDir: folder, runDir: path.join(folder, 'run') },
    readMountinfo: async () => `${id} 28 0:45 / ${mountpoint} rw - zfs pool/photo rw\n`,
  });
  const run = () => executor.execute({ ...step, guard: { ...guard, mountpoint } }, {});
  return { run, compared: rsync.calls, folder };
}

describe('however much has changed', () => {
  it('every file of it is compared by content, and its list is gone at the end', async () => {
    const { run, compared, folder } = lab('yes "$(printf "$changed")/one of many a photo" | head -n 1100000');
    await run();
    expect(compared()).toEqual(['1100000']);
    expect(readdirSync(folder)).toEqual(['photo', 'run']);
  });

  it('a list that ends before it is whole brings nothing back', async () => {
    const { run, compared } = lab('printf "$changed/a\\n"; echo "pool/photo@a: I/O error" >&2; exit 1');
    await expect(run()).rejects.toThrow('zfs failed: pool/photo@a: I/O error; what was there before is in');
    expect(compared()).toEqual([]);
  });

  it('a list that cannot be kept brings nothing back', async () => {
    const { run, compared, folder } = lab('printf "$changed/a\\n"');
    mkdirSync(path.join(folder, 'rollback-photo'));
    await expect(run()).rejects.toThrow(
      /list of what has changed cannot be kept in \S+rollback-photo \(EISDIR\)/,
    );
    expect(compared()).toEqual([]);
  });

  it('that it differs still is told with the first of them', async () => {
    const { run } = lab('', 'yes ">f.st...... data/a" | head -n 4000000');
    await expect(run()).rejects.toThrow(
      '4000000 files differ still (>f.st...... data/a, >f.st...... data/a, >f.st...... data/a); what was',
    );
  });
});
