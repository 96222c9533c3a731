import { type FileHandle, open, opendir, readlink } from 'node:fs/promises';
import { shown } from '../../tools/shown.ts';
import { directoryFlags } from './guard.ts';
import { placeError } from './place-error.ts';
import { StepError } from './types.ts';

/**
 * What is in an open folder. Names are bytes and need not be text, as those of old photos are not: read as text, such a
 * name becomes another one, which is not there.
 */
export interface Inside {
  folder: FileHandle;
  name: Buffer;
  /** `/proc/self/fd/N/NAME`, which is openat in Node's terms. */
  place: Buffer;
}

export function inside(folder: FileHandle, name: string | Buffer): Inside {
  const bytes = Buffer.from(name);
  return { folder, name: bytes, place: Buffer.concat([Buffer.from(`/proc/self/fd/${folder.fd}/`), bytes]) };
}

/** One at a time, however many there are. `leave`: names to pass over. */
export async function* allInside(
  folder: FileHandle,
  signal: AbortSignal | undefined,
  leave: readonly string[] = [],
): AsyncGenerator<Inside> {
  // Node's types know no folder that is read as bytes. Its path must be bytes as well: both are put together where a
  // file system does not say what a name is.
  const asBytes = { encoding: 'buffer' as BufferEncoding };
  for await (const entry of await opendir(Buffer.from(`/proc/self/fd/${folder.fd}`), asBytes)) {
    signal?.throwIfAborted();
    const name = entry.name as unknown as Buffer;
    if (!leave.includes(name.toString())) yield inside(folder, name);
  }
}

/** Opens a folder in the folder, never through a link; null where it is on another file system than `dev`. */
export async function within<T>(
  { place }: Inside,
  dev: number,
  action: (handle: FileHandle) => Promise<T>,
): Promise<T | null> {
  const handle = await open(place, directoryFlags);
  try {
    return (await handle.stat()).dev === dev ? await action(handle) : null;
  } finally {
    await handle.close();
  }
}

/** For people. */
export async function pathOf({ folder, name }: Inside): Promise<string> {
  const above = await readlink(`/proc/self/fd/${folder.fd}`, 'buffer');
  return shown(Buffer.concat([above, Buffer.from('/'), name]));
}

/** What the file system refuses there becomes a StepError that names it. */
export async function naming<T>(thing: Inside, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const path = await pathOf(thing);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw placeError(error, path);
    throw new StepError(`${path} is gone meanwhile, so something else is at work there`, { cause: error });
  }
}
