import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { newPlaces } from '../../reconciler/apply/missing-folders.ts';
import { mountedInside, targetsOf } from '../../reconciler/apply/targets.ts';
import type { Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { borgLab, reference } from './backup-fixtures.ts';

const dataset = 'pool/photo';
const archive = 'photo-2026-11-23T02:30:00Z';

function mountIdOf(directory: string): string {
  const fd = openSync(directory, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  closeSync(fd);
  return id;
}

/** A folder that the list of mounts calls a dataset's, in one of the test's own; what is outside must stay. */
function lab(script = 'pwd > "$STATE/pwd"; echo new > restored', more = '', source = dataset) {
  const outer = mkdtempSync(path.join(tmpdir(), 'apply-restore-'));
  const mountpoint = path.join(outer, 'photo');
  for (const folder of ['photo/db/base', 'photo/.zfs', 'outside'])
    mkdirSync(path.join(outer, folder), { recursive: true });
  for (const file of ['photo/old', 'photo/db/base/1', 'photo/.zfs/kept', 'outside/precious'])
    writeFileSync(path.join(outer, file), 'old');
  symlinkSync(path.join(outer, 'outside'), path.join(mountpoint, 'link'));
  const own = `${mountIdOf(mountpoint)} 28 0:45 / ${mountpoint} rw shared:5 - zfs ${source} rw\n`;
  const { options, calls, repository } = borgLab(script);
  const executor = hostExecutor({
    ...options,
    readMountinfo: async () => own + more.replaceAll('ROOT', mountpoint),
  });
  return {
    mountpoint,
    calls,
    run: (paths: string[] = []) => {
      const mounts = [{ guard: { dataset, mountpoint }, below: '' }];
      return executor.execute({ op: 'borg-extract', repository, archive, paths, mounts, owners: null }, {});
    },
    look: (more: { mounted?: true; sinceMs?: number }) => {
      const mounts = [{ guard: { dataset, mountpoint }, below: '' }];
      return executor.execute({ op: 'require-empty', mounts, ...more }, {});
    },
    found: () => readdirSync(mountpoint).sort(),
    isSafe: () => existsSync(path.join(outer, 'outside/precious')),
  };
}

describe('an extraction', () => {
  it('stands in the emptied dataset, and follows no link out of it', async () => {
    const { run, found, calls, isSafe } = lab();
    await run();
    expect(found()).toEqual(['.zfs', 'restored']);
    expect(isSafe()).toBe(true);
    expect(calls()).toEqual([`extract --progress --list --numeric-ids ${reference.location}::${archive}`]);
  });

  it('of one path leaves what is beside it', async () => {
    const { run, found, mountpoint, calls } = lab();
    await run(['db/base']);
    expect(found()).toEqual(['.zfs', 'db', 'link', 'old', 'restored']);
    expect(readdirSync(path.join(mountpoint, 'db'))).toEqual([]);
    expect(calls()[0]).toMatch(/ pp:db\/base$/);
  });

  it('of a path whose folders are gone, too, takes these out of the archive, and leaves all the rest', async () => {
    const { run, found, calls } = lab();
    await run(['a/b (1)/c', 'db/base']);
    expect(found()).toEqual(['.zfs', 'db', 'link', 'old', 'restored']);
    expect(calls()[0]).toMatch(/Z re:\^a\\Z re:\^a\/b\\ \\\(1\\\)\\Z pp:a\/b \(1\)\/c pp:db\/base$/);
  });

  const other = '99 28 0:46 / ROOT/db rw shared:5 - zfs pool/other rw\n';
  const seen = '99 28 0:46 / ROOT/.zfs/snapshot/a rw shared:5 - zfs pool/photo@a rw\n';

  it.each([
    ['through a link', lab(), ['link/precious'], /link/],
    ['of a dataset that is not mounted', lab('', '', 'pool/else'), [], /pool\/photo is not mounted at/],
    ['with something else mounted inside', lab('', other), [], /pool\/other at .*\/db is mounted inside/],
  ])('%s is refused, and nothing is removed', async (_name, { run, found, isSafe, calls }, paths, words) => {
    await expect(run(paths)).rejects.toMatchObject({
      name: 'StepError',
      message: expect.stringMatching(words),
    });
    expect(found()).toEqual(['.zfs', 'db', 'link', 'old']);
    expect(isSafe()).toBe(true);
    expect(calls()).toEqual([]);
  });

  it('is not kept back by a snapshot that somebody looks at', async () => {
    const { run, found } = lab(undefined, seen);
    await run();
    expect(found()).toContain('restored');
  });

  it('that borg warns of is a failure', async () => {
    const warning = '{"type":"log_message","levelname":"WARNING","message":"x: no attributes"}';
    await expect(lab(`echo '${warning}' >&2; exit 1`).run()).rejects.toThrow(
      `borg could not restore all of ${archive}: x: no attributes; that does not prove the archive damaged`,
    );
  });
});

describe('a dataset that must be empty', () => {
  it('is, with nothing but folders and what ZFS has there', async () => {
    const { mountpoint, look } = lab();
    for (const file of ['old', 'db/base/1', 'link']) rmSync(path.join(mountpoint, file));
    await look({ mounted: true });
  });

  it('is not, with a file somewhere in it, which is named', async () => {
    const { mountpoint, look } = lab();
    for (const file of ['old', 'link']) rmSync(path.join(mountpoint, file));
    await expect(look({})).rejects.toThrow(`${dataset} holds data already (${mountpoint}/db/base/1)`);
  });

  it('is, but for what came to be there later, however old its content is', async () => {
    const { mountpoint, look } = lab();
    const sinceMs = Math.floor(lstatSync(path.join(mountpoint, 'link')).ctimeMs);
    await look({ sinceMs });
    const copy = path.join(mountpoint, 'db/copy');
    do writeFileSync(copy, 'mine');
    while (Math.floor(lstatSync(copy).ctimeMs) <= sinceMs);
    utimesSync(copy, 1, 1);
    const words = `${dataset} holds data that was put there since the last attempt (${copy})`;
    await expect(look({ sinceMs })).rejects.toThrow(words);
  });

  it('is refused where it is not mounted and should be, since nobody sees what is on it', async () => {
    const { look } = lab('', '', 'pool/else');
    await look({});
    await expect(look({ mounted: true })).rejects.toThrow(/pool\/photo is not mounted at .*; mount it/);
  });
});

it('the topmost folder that was gone is what is new', () => {
  expect(newPlaces(['a/b/c', 'ab/c', 'd'], ['a', 'a/b'])).toEqual(['a', 'ab/c', 'd']);
});

it('datasets below a chosen path are emptied as themselves, a path in one of them there', () => {
  const at = (below: string) => {
    const mountpoint = below === '' ? '/p' : `/p/${below}`;
    return { guard: { dataset: mountpoint.slice(1), mountpoint }, below };
  };
  const mounts = [at(''), at('a'), at('a/db')];
  const places = (...paths: string[]) =>
    targetsOf({ mounts, paths }).map(({ guard, path: place }) => `${guard.dataset}:${place}`);
  expect(places()).toEqual(['p:/p', 'p/a:/p/a', 'p/a/db:/p/a/db']);
  expect(places('a')).toEqual(['p/a:/p/a', 'p/a/db:/p/a/db']);
  expect(places('a/db/base')).toEqual(['p/a/db:/p/a/db/base']);
  expect(places('ab')).toEqual(['p:/p/ab']);
});

describe('what is mounted inside and not part of the backup', () => {
  const guard = { dataset: 'p', mountpoint: '/p' };
  const child = { guard: { dataset: 'p/a', mountpoint: '/p/a' }, below: 'a' };
  const mounts = [{ guard, below: '' }, child];
  const inside = (paths: string[], ...at: string[]) =>
    mountedInside(
      { mounts, paths },
      at.map((mountpoint) => ({ source: 'nas', mountpoint })),
    );

  it('is in the way of what is restored around it, and below it', () => {
    const told = 'nas at /p/b/share is mounted inside and not part of the backup';
    for (const paths of [[], ['b'], ['b/share'], ['b/share/2006']])
      expect(inside(paths, '/p/b/share')).toBe(told);
    expect(inside(['a'], '/p/a/x')).toContain('nas at /p/a/x is');
  });

  it('is in nobody’s way elsewhere; nor are its own datasets and snapshots that somebody looks at', () => {
    for (const paths of [['a'], ['b/shared'], ['c']]) expect(inside(paths, '/p/b/share')).toBeNull();
    expect(inside([], '/p', '/p/a', '/p/.zfs/snapshot/x', '/px')).toBeNull();
  });
});

describe('before anything is stopped', () => {
  function find(script: string, paths: string[] = []) {
    const zfs = fakeTool('echo 2000000');
    const { options, repository } = borgLab(script);
    const executor = hostExecutor({ ...options, commands: { ...options.commands, zfs: zfs.command } });
    return executor.execute({ op: 'borg-find', repository, archive, paths, dataset }, {});
  }

  const item = (place: string, size: number) =>
    `echo '${JSON.stringify({ path: place, mode: '-rw-r--r--', size })}'; `;

  it('each of the paths must be there, and only as it is written', async () => {
    const both = find(item('db/base/1', 1) + item('etcetera', 1), ['db', 'etc']);
    await expect(both).rejects.toThrow(`${archive} has nothing at etc; nothing was stopped`);
  });

  it.each<[string, Promise<unknown>, RegExp]>([
    ['is not there', find('exit 31').catch((error) => error), /there is no archive of this name/],
    [
      'has nothing there',
      find('true', ['x']).catch((error) => error),
      /has nothing at x; nothing was stopped/,
    ],
  ])('one that %s is refused', async (_name, ended, words) => {
    expect(await ended).toMatchObject({ name: 'StepError', message: expect.stringMatching(words) });
  });
});

describe('a rollback', () => {
  const snapshots = ['pool/a@safety', 'pool/a/db@safety'];
  const step: Step = { op: 'zfs-rollback', snapshots, run: 'restore-a' };

  function rollback(owners: Record<string, string>, newer = '', pool = 'pool') {
    const zfs = fakeTool(`for last; do :; done
case "$1" in
get) case "$last" in ${Object.entries(owners)
      .map(([name, owner]) => `${name}) printf '${owner}' ;;`)
      .join(' ')}
  *) echo "cannot open '$last': dataset does not exist" >&2; exit 1 ;; esac ;;
list) printf "$last@old\\t5\\n$last@safety\\t7\\n${newer}" ;;
*) echo "$*" >> "$LOG" ;;
esac`);
    const zpool = fakeTool(`echo ${pool}`);
    const executor = hostExecutor({ commands: { zfs: zfs.command, zpool: zpool.command } });
    return { run: () => executor.execute(step, {}), calls: zfs.calls };
  }

  const ours = { 'pool/a@safety': 'restore-a\\tlocal', 'pool/a/db@safety': 'restore-a\\tlocal' };

  it('goes back in each dataset, never with -r', async () => {
    const { run, calls } = rollback(ours);
    await run();
    expect(calls()).toEqual(['rollback pool/a@safety', 'rollback pool/a/db@safety']);
  });

  it.each([
    [
      'of another run',
      rollback({ ...ours, 'pool/a/db@safety': 'restore-b\\tlocal' }),
      /was not made by this restore/,
    ],
    [
      'marked by its parent',
      rollback({ ...ours, 'pool/a/db@safety': 'restore-a\\tinherited' }),
      /not made by this/,
    ],
    ['that is gone', rollback({ 'pool/a@safety': 'restore-a\\tlocal' }), /pool\/a\/db@safety is gone/],
    [
      'of a pool that is away',
      rollback({}, '', 'another'),
      /the pool pool is not imported; nothing was done to pool\/a@safety/,
    ],
    [
      'with a newer one',
      rollback(ours, '$last@by-hand\\t9\\n'),
      /pool\/a@by-hand would be destroyed by going back/,
    ],
  ])('to a snapshot %s is refused, in all of them', async (_name, { run, calls }, words) => {
    await expect(run()).rejects.toThrow(words);
    expect(calls()).toEqual([]);
  });
});
