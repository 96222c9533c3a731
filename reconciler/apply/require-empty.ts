import { lstat, opendir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseMountinfo } from '../../tools/mountinfo.ts';
import type { RequireEmpty } from '../types.ts';
import type { ReadMountinfo } from './guard.ts';
import { StepError } from './types.ts';

/** Of Steward itself or of ZFS, and so nobody's data. */
const ours = new Set(['.zfs', '.steward-backup']);

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
  const { dev } = await lstat(root);
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const { name } of await opendir(folder)) {
      signal?.throwIfAborted();
      if (folder === root && ours.has(name)) continue;
      const stat = await lstat(path.join(folder, name));
      // What is mounted inside is another dataset, and looked at as itself.
      if (stat.dev !== dev) continue;
      if (stat.isDirectory()) folders.push(path.join(folder, name));
      // Not the time of its content, which a copy may have kept. In whole milliseconds, as the other.
      else if (sinceMs === undefined || Math.floor(stat.ctimeMs) > sinceMs) return path.join(folder, name);
    }
  }
  return null;
}
