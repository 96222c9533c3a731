import type { Stats } from 'node:fs';
import { type FileHandle, lchown, lstat, mkdir, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { MountGuard, Step } from '../types.ts';
import { directoryFlags, openGuarded, type ReadMountinfo } from './guard.ts';
import { allInside, type Inside, naming, within } from './inside.ts';
import { placeError } from './place-error.ts';
import { StepError } from './types.ts';

/**
 * Directories below a mounted dataset. Containers write there, so that any component may be replaced by a symbolic
 * link at any instant: every one is opened from the descriptor of its parent (`/proc/self/fd/N/name`, which is
 * openat in Node's terms), never following links and never leaving the dataset.
 */

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

export interface DirectoryOptions {
  readMountinfo?: ReadMountinfo | undefined;
  signal?: AbortSignal | undefined;
}

interface Ownership {
  uid: number;
  gid: number;
  mode: string;
}

/**
 * Makes the directory and those above it that are missing, all with this owner and mode. One that is there already
 * stays as it is: below a dataset that was not mounted nobody could look before, and a database's own 0700 must
 * survive that.
 */
export async function createDirectory(
  step: StepOf<'directory-create'>,
  options: DirectoryOptions,
): Promise<void> {
  await withDirectory(step, options, step, async (handle) => {
    if (step.path === step.guard.mountpoint && (await isAsMade(handle, step))) await own(handle, step);
  });
}

export async function setMode(step: StepOf<'directory-mode'>, options: DirectoryOptions): Promise<void> {
  await withDirectory(step, options, null, (handle) => handle.chmod(Number.parseInt(step.mode, 8)));
}

/** Top last: it is what is observed, so that a recursion that was cut off is seen and done again. */
export async function setOwner(step: StepOf<'directory-owner'>, options: DirectoryOptions): Promise<void> {
  await withDirectory(step, options, null, async (handle) => {
    const { dev } = await handle.stat();
    if (step.recursive) await ownBelow(handle, dev, step, options.signal);
    await chown(handle, step);
  });
}

/** Opens `path` for `action`. `missing`: how to make what is not there; null: that is an error. */
export async function withDirectory(
  target: { path: string; guard: MountGuard },
  options: DirectoryOptions,
  missing: Ownership | null,
  action: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  let handle = await openGuarded(target.guard, options.readMountinfo);
  try {
    const { dev } = await handle.stat();
    for (const name of componentsOf(target)) {
      const below = await openBelow(handle, name, dev, missing, target.path);
      await handle.close();
      handle = below;
    }
    await action(handle);
  } catch (error) {
    throw placeError(error, target.path);
  } finally {
    await handle.close();
  }
}

/** Whether there is such a directory; throws StepError where something else stands in its way. */
export async function isDirectory(
  target: { path: string; guard: MountGuard },
  options: DirectoryOptions,
): Promise<boolean> {
  try {
    await withDirectory(target, options, null, async () => {});
    return true;
  } catch (error) {
    if (error instanceof StepError && (error.cause as NodeJS.ErrnoException)?.code === 'ENOENT') return false;
    throw error;
  }
}

function componentsOf(target: { path: string; guard: MountGuard }): string[] {
  const relative = path.relative(target.guard.mountpoint, target.path);
  const names = relative === '' ? [] : relative.split('/');
  if (names[0] !== '..') return names;
  throw new StepError(`${target.path} is not below ${target.guard.mountpoint}; nothing was written`, {
    retryable: false,
  });
}

async function openBelow(
  parent: FileHandle,
  name: string,
  dev: number,
  missing: Ownership | null,
  wanted: string,
): Promise<FileHandle> {
  const place = `/proc/self/fd/${parent.fd}/${name}`;
  if (missing !== null) await makeOne(place);
  const handle = await open(place, directoryFlags);
  const stat = await handle.stat();
  if (stat.dev === dev) {
    if (missing !== null && isUnfinished(stat)) await own(handle, missing);
    return handle;
  }
  await handle.close();
  throw new StepError(`${wanted} leads into another file system at ${name}; nothing was written`);
}

/** Mode 0 marks what was made and has no owner yet: should the process die now, the next run finishes it. */
async function makeOne(place: string): Promise<void> {
  await mkdir(place, 0).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function isUnfinished(stat: Stats): boolean {
  return (stat.mode & 0o777) === 0;
}

/** The root of a new dataset: empty and 0755, with nobody's mark but perhaps half of ours. */
async function isAsMade(handle: FileHandle, { uid }: Ownership): Promise<boolean> {
  const stat = await handle.stat();
  if ((stat.mode & 0o7777) !== 0o755 || (stat.uid !== 0 && stat.uid !== uid)) return false;
  return (await readdir(`/proc/self/fd/${handle.fd}`)).length === 0;
}

async function own(handle: FileHandle, wanted: Ownership): Promise<void> {
  await handle.chown(wanted.uid, wanted.gid);
  await handle.chmod(Number.parseInt(wanted.mode, 8));
}

/** A change of owner may clear set-gid, on which the shared group depends. */
export async function chown(handle: FileHandle, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  const before = await handle.stat();
  if (before.uid === uid && before.gid === gid) return;
  await handle.chown(uid, gid);
  await handle.chmod(before.mode & 0o7777);
}

async function ownBelow(
  folder: FileHandle,
  dev: number,
  owner: { uid: number; gid: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const thing of allInside(folder, signal))
    await naming(thing, () => ownOne(thing, dev, owner, signal));
}

/** Containers add and remove files meanwhile: what is gone by now needs no owner. */
async function ownOne(
  thing: Inside,
  dev: number,
  owner: { uid: number; gid: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    const stat = await lstat(thing.place);
    if (stat.dev !== dev) return;
    if (stat.isDirectory()) await ownSubdirectory(thing, dev, owner, signal);
    else if (stat.uid !== owner.uid || stat.gid !== owner.gid)
      await lchown(thing.place, owner.uid, owner.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function ownSubdirectory(
  thing: Inside,
  dev: number,
  owner: { uid: number; gid: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  await within(thing, dev, async (handle) => {
    await ownBelow(handle, dev, owner, signal);
    await chown(handle, owner);
  });
}
