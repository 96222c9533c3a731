import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { fakeTool } from '../support/fake-tools.ts';

/** Snapshots are files `<dataset>@<tag>` with a line as `zfs get` prints it; `busy` holds how often one is busy. */
const zfsScript = `
for last; do :; done
file="$STATE/$(echo "$last" | tr / _)"
case "$1" in
get) cat "$file" 2>/dev/null || { echo "cannot open '$last': dataset does not exist" >&2; exit 1; } ;;
snapshot) echo "$*" >> "$LOG"; [ ! -e "$STATE/full" ] || { echo "cannot create snapshots : out of space" >&2; exit 1; }; [ ! -e "$file" ] || { echo "cannot create snapshot '$last': dataset already exists" >&2; exit 1; } ;;
destroy) echo "$*" >> "$LOG"
  [ ! -e "$STATE/vanishes" ] || { echo "could not find any snapshots to destroy; check snapshot names." >&2; exit 1; }
  if [ -s "$STATE/busy" ]; then sed -i 1d "$STATE/busy"; echo "cannot destroy snapshot $last: dataset is busy" >&2; exit 1; fi
  rm "$file" ;;
esac`;

function lab(found: Record<string, string> = {}, busy = 0, pools = 'pool') {
  const zfs = fakeTool(zfsScript);
  for (const [name, line] of Object.entries(found)) {
    writeFileSync(path.join(zfs.folder, name.replaceAll('/', '_')), `${line}\n`);
  }
  writeFileSync(path.join(zfs.folder, 'busy'), 'x\n'.repeat(busy));
  const mountpoint = path.join(mkdtempSync(path.join(tmpdir(), 'apply-snapshot-')), 'photo');
  mkdirSync(mountpoint);
  const descriptor = openSync(mountpoint, 'r');
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
  closeSync(descriptor);
  const line = `${id} 28 0:45 / ${mountpoint} rw shared:5 - zfs pool/a rw\n`;
  const executor = hostExecutor({
    commands: { zfs: zfs.command, zpool: fakeTool(`echo ${pools}`).command },
    busyMs: 500,
    readMountinfo: async () => line,
  });
  return { run: (step: Step) => executor.execute(step, {}), calls: zfs.calls, mountpoint };
}

const snapshots = ['pool/a@run', 'pool/a/db@run'];
const take: Step = { op: 'zfs-snapshot', snapshots, run: '7', markers: [] };
const destroy: Step = { op: 'zfs-destroy-snapshots', snapshots, run: '7' };
const ours = '7\tlocal';

describe('taking snapshots', () => {
  it('is one call, with the mark in it', async () => {
    const { run, calls } = lab();
    await run(take);
    expect(calls()).toEqual(['snapshot -o steward:run=7 pool/a@run pool/a/db@run']);
  });

  it('is done where this run has made them before', async () => {
    const { run } = lab({ 'pool/a@run': ours, 'pool/a/db@run': ours });
    expect(await run(take)).toEqual({});
  });

  it.each(['6\tlocal', '-\t-', '7\tinherited from pool/a'])('refuses one that is marked %j', async (mark) => {
    const { run } = lab({ 'pool/a@run': mark, 'pool/a/db@run': ours });
    await expect(run(take)).rejects.toThrow(/already exists; pool\/a@run is not one that this run has made/);
  });

  it('writes the marker first, anew, and through no link', async () => {
    const { run, mountpoint } = lab();
    const elsewhere = path.join(mountpoint, 'database');
    writeFileSync(elsewhere, 'data');
    symlinkSync(elsewhere, path.join(mountpoint, '.steward'));
    const guard = { dataset: 'pool/a', mountpoint };
    await run({ ...take, markers: [{ path: path.join(mountpoint, '.steward'), guard }] });
    expect(readFileSync(path.join(mountpoint, '.steward'), 'utf8')).toBe('7\n');
    expect(readFileSync(elsewhere, 'utf8')).toBe('data');
  });

  it.each<[string, (place: string) => void, string]>([
    [
      'a directory with something in it',
      (place) => mkdirSync(`${place}/x`, { recursive: true }),
      'a directory',
    ],
    ['an empty one', mkdirSync, 'a directory'],
  ])('where %s has the name of the marker, it says so and is taken', async (_what, put, why) => {
    const { run, calls, mountpoint } = lab();
    const place = path.join(mountpoint, '.steward');
    put(place);
    const guard = { dataset: 'pool/a', mountpoint };
    expect(await run({ ...take, markers: [{ path: place, guard }] })).toEqual({
      notes: [
        `${place} was not written, since there is ${why}: Borg may read files again that are unchanged`,
      ],
    });
    expect(calls()).toHaveLength(1);
    expect(existsSync(place)).toBe(true);
  });

  it('where the marker cannot be written for another reason, it says which and is taken', async () => {
    const { run, calls, mountpoint } = lab();
    const place = path.join(mountpoint, 'x'.repeat(300));
    const guard = { dataset: 'pool/a', mountpoint };
    expect(await run({ ...take, markers: [{ path: place, guard }] })).toEqual({
      notes: [`${place} was not written (name too long): Borg may read files again that are unchanged`],
    });
    expect(calls()).toHaveLength(1);
  });

  it('says which pool is full where ZFS does not', async () => {
    const { run } = lab({ full: 'x' });
    await expect(run(take)).rejects.toThrow(
      'there is no room for a snapshot: the pool pool is full, or a quota on it is used up; free some space there',
    );
  });

  it('takes none where the dataset is not mounted', async () => {
    const { run, calls, mountpoint } = lab();
    const guard = { dataset: 'pool/other', mountpoint };
    const step: Step = { ...take, markers: [{ path: path.join(mountpoint, 'm'), guard }] };
    await expect(run(step)).rejects.toThrow('pool/other is not mounted');
    expect(calls()).toEqual([]);
  });
});

describe('destroying snapshots', () => {
  it('takes those of this run alone, and says which it left', async () => {
    const { run, calls } = lab({ 'pool/a@run': ours, 'pool/a/db@run': '7\tinherited from pool/a/db' });
    expect(await run(destroy)).toEqual({
      heldBack: 'pool/a/db@run was not made by this run, and was not destroyed',
    });
    expect(calls()).toEqual(['destroy pool/a@run']);
  });

  it('is done where they are gone', async () => {
    const { run, calls } = lab();
    expect(await run(destroy)).toEqual({});
    expect(calls()).toEqual([]);
  });

  it('forgets none whose pool is away: with the pool it would be back', async () => {
    const { run, calls } = lab({}, 0, 'another');
    await expect(run(destroy)).rejects.toThrow(
      'the pool pool is not imported; nothing was done to pool/a@run',
    );
    expect(calls()).toEqual([]);
  });

  it('forgets none whose pool goes away while it is destroyed', async () => {
    const { run, calls } = lab({ 'pool/a@run': ours, vanishes: '' }, 0, 'another');
    await expect(run(destroy)).rejects.toThrow(
      'the pool pool is not imported; nothing was done to pool/a@run',
    );
    expect(calls()).toEqual(['destroy pool/a@run']);
  });

  it('takes no silence for an answer', async () => {
    await expect(lab({ 'pool/a@run': '' }).run(destroy)).rejects.toThrow(
      'zfs get printed nothing for pool/a@run',
    );
  });

  it('tries again while a mount is just ending', async () => {
    const { run, calls } = lab({ 'pool/a@run': ours }, 2);
    expect(await run(destroy)).toEqual({});
    expect(calls()).toEqual(Array(3).fill('destroy pool/a@run'));
  });

  it('gives up on one that stays busy', async () => {
    const { run } = lab({ 'pool/a@run': ours }, 100);
    await expect(run(destroy)).rejects.toThrow(
      'zfs destroy failed: cannot destroy snapshot pool/a@run: dataset is busy',
    );
  });
});
