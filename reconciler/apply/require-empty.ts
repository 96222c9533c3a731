import { type FileHandle, lstat, open, readFile } from 'node:fs/promises';
import { parseMountinfo } from '../../tools/mountinfo.ts';
import type { RequireEmpty } from '../types.ts';
import { directoryFlags, type ReadMountinfo } from './guard.ts';
import { allInside, type Inside, naming, pathOf, within } from './inside.ts';
import { StepError } from './types.ts';

/** Of Steward itself or of ZFS, and so nobody's data. */
const ours = ['.zfs', '.steward-backup'];

/**
 * Throws StepError, with the first file's path, where there is anything but folders on one of these datasets. Unless
 * they must be mounted, one that is not holds nothing: on a bare server it is not even made yet.
 */
export async function requireEmpty(
  { mounts, mounted: must, sinceMs }: RequireEmpty,
  options: { readMountinfo?: ReadMountinfo | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const text = await (options.readMountinfo ?? (() => readFile('/proc/self/mountinfo', 'utf8')))();
  const mounted = parseMountinfo(text);
  const whose = sinceMs === undefined ? 'already' : 'that was put there since the last attempt';
  for (const { guard } of mounts) {
    const isThere = mounted.some(
      ({ source, mountpoint }) => source === guard.dataset && mountpoint === guard.mountpoint,
    );
    if (must === true && !isThere)
      throw new StepError(
        `${guard.dataset} is not mounted at ${guard.mountpoint}, so that nobody can see what is on it; mount it`,
      );
    const found = isThere ? await firstFile(guard.mountpoint, sinceMs, options.signal) : null;
    if (found !== null)
      throw new StepError(`${guard.dataset} holds data ${whose} (${found})`, { retryable: false });
  }
}

async function firstFile(
  root: string,
  sinceMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const handle = await open(root, directoryFlags);
  try {
    return await firstBelow(handle, { dev: (await handle.stat()).dev, sinceMs, signal }, ours);
  } finally {
    await handle.close();
  }
}

interface Look {
  dev: number;
  sinceMs: number | undefined;
  signal: AbortSignal | undefined;
}

async function firstBelow(
  folder: FileHandle,
  look: Look,
  leave: readonly string[] = [],
): Promise<string | null> {
  for await (const thing of allInside(folder, look.signal, leave)) {
    const found = await naming(thing, () => firstAt(thing, look));
    if (found !== null) return found;
  }
  return null;
}

async function firstAt(thing: Inside, look: Look): Promise<string | null> {
  const stat = await lstat(thing.place);
  // What is mounted inside is another dataset, and looked at as itself.
  if (stat.dev !== look.dev) return null;
  if (stat.isDirectory()) return await within(thing, look.dev, (handle) => firstBelow(handle, look));
  // Not the time of its content, which a copy may have kept. In whole milliseconds, as the other.
  const isMeant = look.sinceMs === undefined || Math.floor(stat.ctimeMs) > look.sinceMs;
  return isMeant ? await pathOf(thing) : null;
}
