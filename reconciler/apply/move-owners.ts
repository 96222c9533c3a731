import type { Stats } from 'node:fs';
import { constants, type FileHandle, lchown, lstat, open } from 'node:fs/promises';
import path from 'node:path';
import { movedOwner, type OwnerMove } from '../owners/move.ts';
import type { BorgExtract, RestoreMount } from '../types.ts';
import { chown, withDirectory } from './directory.ts';
import type { EmptyOptions } from './empty.ts';
import { allInside, type Inside, inside, naming, pathOf, within } from './inside.ts';
import { type Target, targetsOf } from './targets.ts';
import { StepError } from './types.ts';

/**
 * The owners of what was just extracted get the numbers of this server, each once: where the ranges of both servers
 * overlap, nobody can tell afterwards what was moved already. So it is one with the extraction, which begins anew in
 * emptied datasets. All is reached from the descriptor of a proven mountpoint, never through a link and never into
 * another file system. Entries of access lists are not looked at, and a file capability goes with its old owner.
 */

/** Mountpoint -> when its top was last changed (ctime, in ns). */
export type Tops = ReadonlyMap<string, bigint>;

/** To be taken right before the extraction. */
export async function readTops(mounts: RestoreMount[]): Promise<Tops> {
  const tops = mounts.map(async ({ guard: { mountpoint } }) => {
    const { ctimeNs } = await lstat(mountpoint, { bigint: true });
    return [mountpoint, ctimeNs] as const;
  });
  return new Map(await Promise.all(tops));
}

export async function moveOwners(
  step: BorgExtract,
  owners: OwnerMove,
  before: Tops,
  options: EmptyOptions,
): Promise<void> {
  for (const target of targetsOf(step)) await moveAt(target, owners, before, options);
}

interface Walk {
  owners: OwnerMove;
  dev: number;
  /** Inode -> how many of its names are still to come. */
  links: Map<number, number>;
  signal: AbortSignal | undefined;
}

async function moveAt(
  { guard, path: place }: Target,
  owners: OwnerMove,
  before: Tops,
  options: EmptyOptions,
): Promise<void> {
  const isTop = place === guard.mountpoint;
  await withDirectory({ path: isTop ? place : path.dirname(place), guard }, options, null, async (handle) => {
    const { dev } = await handle.stat();
    const walk: Walk = { owners, dev, links: new Map(), signal: options.signal };
    if (!isTop) return await moveOne(inside(handle, path.basename(place)), walk);
    await moveBelow(handle, walk, ['.zfs']);
    await moveTop(handle, place, before, walk);
  });
}

/** One that the archive does not have was not emptied with the rest: its owner is of this server already. */
async function moveTop(handle: FileHandle, place: string, before: Tops, walk: Walk): Promise<void> {
  const { ctimeNs } = await handle.stat({ bigint: true });
  if (ctimeNs === before.get(place)) return;
  const isHostTop = walk.owners.hostTops.includes(place);
  await chown(handle, await ownerOf(await handle.stat(), walk, () => place, isHostTop));
}

async function moveBelow(folder: FileHandle, walk: Walk, leave: string[] = []): Promise<void> {
  for await (const thing of allInside(folder, walk.signal, leave)) await moveOne(thing, walk);
}

function moveOne(thing: Inside, walk: Walk): Promise<void> {
  return naming(thing, async () => {
    const stat = await lstat(thing.place);
    if (stat.dev !== walk.dev) return;
    if (stat.isDirectory()) return await moveTree(thing, walk);
    if (isSeen(stat, walk)) return;
    // A change of owner takes set-uid and set-gid away.
    if (stat.isFile() && (stat.mode & 0o6000) !== 0) return await moveMarked(thing, walk);
    const owner = await ownerOf(stat, walk, () => pathOf(thing));
    if (owner.uid !== stat.uid || owner.gid !== stat.gid) await lchown(thing.place, owner.uid, owner.gid);
  });
}

async function moveTree(thing: Inside, walk: Walk): Promise<void> {
  await within(thing, walk.dev, async (handle) => {
    await moveBelow(handle, walk);
    await moveOpen(handle, thing, walk);
  });
}

async function moveMarked(thing: Inside, walk: Walk): Promise<void> {
  const handle = await open(thing.place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    await moveOpen(handle, thing, walk);
  } finally {
    await handle.close();
  }
}

/** With the mode that it has. */
async function moveOpen(handle: FileHandle, thing: Inside, walk: Walk): Promise<void> {
  await chown(handle, await ownerOf(await handle.stat(), walk, () => pathOf(thing)));
}

/** Whether it was moved by another of its names. */
function isSeen({ ino, nlink }: Stats, { links }: Walk): boolean {
  if (nlink === 1) return false;
  const toCome = links.get(ino);
  const left = (toCome ?? nlink) - 1;
  if (left === 0) links.delete(ino);
  else links.set(ino, left);
  return toCome !== undefined;
}

async function ownerOf(
  stat: Stats,
  { owners }: Walk,
  where: () => string | Promise<string>,
  isHostTop = false,
): Promise<{ uid: number; gid: number }> {
  const owner = movedOwner(stat, owners, isHostTop);
  if (owner !== null) return owner;
  throw new StepError(
    `${await where()} belongs to ${stat.uid}:${stat.gid}, for which containers have no number here; give Docker's user a larger range in /etc/subuid and /etc/subgid, and restart Docker`,
    { retryable: false },
  );
}
