import { type FileHandle, lstat, open, opendir, readFile, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { parseMountinfo } from '../../tools/mountinfo.ts';
import type { BorgExtract, MountGuard } from '../types.ts';
import { isDirectory, withDirectory } from './directory.ts';
import { directoryFlags, type ReadMountinfo } from './guard.ts';
import { StepError } from './types.ts';

/**
 * Takes away what a restore is to replace. Everything is reached from the descriptor of a proven mountpoint and never
 * through a link; what is on another file system stays, with the folders above it. Each dataset is emptied as itself.
 */

export interface EmptyOptions {
  readMountinfo?: ReadMountinfo | undefined;
  signal?: AbortSignal | undefined;
}

export type Target = { guard: MountGuard; path: string };

export async function emptyMounts(step: BorgExtract, options: EmptyOptions): Promise<void> {
  await requireNoOthers(step, options.readMountinfo);
  for (const target of targetsOf(step)) await removeAt(target, options);
}

/**
 * What is mounted inside and is no part of the backup would get the owner that its folder had in the archive. Snapshots
 * that somebody looks at are mounted by ZFS itself, and nobody writes there.
 */
async function requireNoOthers({ mounts }: BorgExtract, read?: ReadMountinfo): Promise<void> {
  const text = await (read ?? (() => readFile('/proc/self/mountinfo', 'utf8')))();
  const root = `${mounts[0]?.guard.mountpoint ?? ''}/`;
  const known = new Set(mounts.map(({ guard }) => guard.mountpoint));
  const others = parseMountinfo(text).filter(
    ({ mountpoint }) =>
      `${mountpoint}/`.startsWith(root) && !known.has(mountpoint) && !mountpoint.includes('/.zfs/snapshot/'),
  );
  if (others.length === 0) return;
  const names = others.map(({ source, mountpoint }) => `${source} at ${mountpoint}`).join(', ');
  throw new StepError(`${names} is mounted inside and not part of the backup; nothing was removed`);
}

/** Roots of datasets that are chosen as a whole, and single paths in the dataset that they are on. */
export function targetsOf({ mounts, paths }: Pick<BorgExtract, 'mounts' | 'paths'>): Target[] {
  const whole = (below: string) =>
    paths.length === 0 || paths.some((chosen) => below === chosen || below.startsWith(`${chosen}/`));
  const roots = mounts
    .filter(({ below }) => whole(below))
    .map(({ guard }) => ({ guard, path: guard.mountpoint }));
  const root = mounts[0]?.guard.mountpoint ?? '';
  const single = paths.flatMap((chosen) => {
    const own = mounts.findLast(({ below }) => below === '' || `${chosen}/`.startsWith(`${below}/`));
    const isRoot = own === undefined || own.below === chosen;
    return isRoot ? [] : [{ guard: own.guard, path: `${root}/${chosen}` }];
  });
  return [...single, ...roots];
}

async function removeAt({ guard, path: place }: Target, options: EmptyOptions): Promise<void> {
  if (place === guard.mountpoint) {
    await withDirectory({ path: place, guard }, options, null, async (handle) => {
      const { dev } = await handle.stat();
      await emptyBelow(handle, dev, options.signal, ['.zfs']);
    });
    return;
  }
  const above = { path: path.dirname(place), guard };
  if (!(await isDirectory(above, options))) return;
  await withDirectory(above, options, null, async (parent) => {
    const { dev } = await parent.stat();
    await removeEntry(`/proc/self/fd/${parent.fd}/${path.basename(place)}`, dev, options.signal);
  });
}

/** Whether it is empty now. */
async function emptyBelow(
  parent: FileHandle,
  dev: number,
  signal: AbortSignal | undefined,
  leave: string[] = [],
): Promise<boolean> {
  const place = `/proc/self/fd/${parent.fd}`;
  let empty = true;
  for await (const { name } of await opendir(place)) {
    signal?.throwIfAborted();
    if (!leave.includes(name)) empty = (await removeEntry(`${place}/${name}`, dev, signal)) && empty;
  }
  return empty;
}

/** Whether it is gone. */
async function removeEntry(place: string, dev: number, signal: AbortSignal | undefined): Promise<boolean> {
  const stat = await lstat(place).catch(unlessGone);
  if (stat === null) return true;
  if (stat.dev !== dev) return false;
  if (!stat.isDirectory()) {
    await unlink(place);
    return true;
  }
  const handle = await open(place, directoryFlags);
  try {
    if ((await handle.stat()).dev !== dev || !(await emptyBelow(handle, dev, signal))) return false;
  } finally {
    await handle.close();
  }
  await rmdir(place);
  return true;
}

function unlessGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
