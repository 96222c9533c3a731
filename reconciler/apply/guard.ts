import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { type Mount, parseMountinfo } from '../../tools/mountinfo.ts';
import type { MountGuard } from '../types.ts';
import { StepError } from './types.ts';

/** How mounts are read; tests have their own. */
export type ReadMountinfo = () => Promise<string>;

const readOwnMountinfo: ReadMountinfo = () => readFile('/proc/self/mountinfo', 'utf8');

export const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Opens the guarded mountpoint and proves through the descriptor itself that it is the root of the mounted dataset:
 * a pool that is not imported leaves an ordinary directory there, and a check by path could be out of date one
 * instant later. While the handle is open, the dataset is busy and cannot be unmounted. The caller closes it.
 */
export async function openGuarded(
  guard: MountGuard,
  readMountinfo: ReadMountinfo = readOwnMountinfo,
): Promise<FileHandle> {
  const refusal = `${guard.dataset} is not mounted at ${guard.mountpoint}; nothing was written`;
  const handle = await open(guard.mountpoint, directoryFlags).catch((cause: unknown) => {
    throw new StepError(refusal, { cause });
  });
  try {
    const mounts = parseMountinfo(await readMountinfo());
    const mountId = await mountIdOf(handle);
    if (mounts.some((mount) => mount.id === mountId && isRootOf(mount, guard))) return handle;
    throw new StepError(refusal);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function isRootOf(mount: Mount, guard: MountGuard): boolean {
  const at = guard.mountpoint.replace(/(?<=.)\/+$/, '');
  return (
    mount.type === 'zfs' && mount.source === guard.dataset && mount.root === '/' && mount.mountpoint === at
  );
}

async function mountIdOf(handle: FileHandle): Promise<number> {
  const info = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
  return Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? Number.NaN);
}

/** Runs `action` while every guarded dataset is proven to be mounted and is kept so. */
export async function whileMounted<T>(
  guards: MountGuard[],
  readMountinfo: ReadMountinfo | undefined,
  action: () => Promise<T>,
): Promise<T> {
  const handles: FileHandle[] = [];
  try {
    for (const guard of guards) handles.push(await openGuarded(guard, readMountinfo));
    return await action();
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** Which of them is not mounted, each once, and what to do. */
export function whatToDo(guards: readonly MountGuard[]): string {
  const all = new Set(guards.map(({ dataset, mountpoint }) => `${dataset} at ${mountpoint}`));
  const what = [...all].join(', ');
  const pools = [...new Set(guards.map(({ dataset }) => dataset.split('/')[0]))].join(' and ');
  const are = all.size === 1 ? 'is' : 'are';
  return `${what} ${are} not mounted; import pool ${pools} where it is not (zpool import), load keys (zfs load-key -a), and mount it (zfs mount -a): then Steward goes on by itself`;
}
