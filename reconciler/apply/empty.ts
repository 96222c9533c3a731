import { type FileHandle, lstat, open, opendir, readFile, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { parseMountinfo } from '../../tools/mountinfo.ts';
import type { BorgExtract } from '../types.ts';
import { isDirectory, withDirectory } from './directory.ts';
import { directoryFlags, type ReadMountinfo } from './guard.ts';
import { mountedInside, type Target, targetsOf } from './targets.ts';
import { StepError } from './types.ts';

/**
 * Takes away what a restore is to replace. Everything is reached from the descriptor of a proven mountpoint and never
 * through a link; what is on another file system stays, with the folders above it. Each dataset is emptied as itself.
 */

export interface EmptyOptions {
  readMountinfo?: ReadMountinfo | undefined;
  signal?: AbortSignal | undefined;
}

export async function emptyMounts(step: BorgExtract, options: EmptyOptions): Promise<void> {
  await requireNoOthers(step, options.readMountinfo);
  for (const target of targetsOf(step)) await removeAt(target, options);
}

async function requireNoOthers(step: BorgExtract, read?: ReadMountinfo): Promise<void> {
  const text = await (read ?? (() => readFile('/proc/self/mountinfo', 'utf8')))();
  const inside = mountedInside(step, parseMountinfo(text));
  if (inside !== null) throw new StepError(`${inside}; nothing was removed`);
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
