import { type FileHandle, lstat, readFile, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { parseMountinfo } from '../../tools/mountinfo.ts';
import type { BorgExtract } from '../types.ts';
import { isDirectory, withDirectory } from './directory.ts';
import type { ReadMountinfo } from './guard.ts';
import { allInside, type Inside, inside, naming, within } from './inside.ts';
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
    const thing = inside(parent, path.basename(place));
    const isThere = (await lstat(thing.place).catch(unlessGone)) !== null;
    if (isThere) await removeOne(thing, dev, options.signal);
  });
}

/** Whether it is empty now. */
async function emptyBelow(
  folder: FileHandle,
  dev: number,
  signal: AbortSignal | undefined,
  leave: string[] = [],
): Promise<boolean> {
  let empty = true;
  for await (const thing of allInside(folder, signal, leave))
    empty = (await removeOne(thing, dev, signal)) && empty;
  return empty;
}

/** Whether it is gone. One that somebody else removes meanwhile is an error: nobody should be at work here. */
function removeOne(thing: Inside, dev: number, signal: AbortSignal | undefined): Promise<boolean> {
  return naming(thing, async () => {
    const stat = await lstat(thing.place);
    if (stat.dev !== dev) return false;
    if (!stat.isDirectory()) {
      await unlink(thing.place);
      return true;
    }
    if ((await within(thing, dev, (handle) => emptyBelow(handle, dev, signal))) !== true) return false;
    await rmdir(thing.place);
    return true;
  });
}

function unlessGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
