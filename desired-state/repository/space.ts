import { readdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { RepositoryError, type Room } from './types.ts';

const mebibyte = 1024 ** 2;
const lookEveryMs = 500;

/** Of the file system that `directory` is on. */
export async function roomOf(directory: string): Promise<Room> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** Left for what Steward has to write down before it acts, and for everybody else on that disk. */
function floorBytes({ totalBytes }: Room): number {
  return Math.min(256 * mebibyte, totalBytes / 20);
}

/**
 * Runs what fills the disk for as long as there is room: a commit may be larger than the disk. Throws RepositoryError
 * where there is none, before and during; `full` aborts then.
 */
export async function whileRoom<T>(
  directory: string,
  readRoom: (directory: string) => Promise<Room>,
  work: (full: AbortSignal) => Promise<T>,
): Promise<T> {
  const full = new AbortController();
  const look = async () => {
    // What nobody can tell holds nothing up.
    const room = await readRoom(directory).catch(() => null);
    if (room !== null && room.freeBytes < floorBytes(room)) full.abort(noRoom(directory, room));
  };
  await look();
  const timer = setInterval(look, lookEveryMs);
  try {
    full.signal.throwIfAborted();
    return await work(full.signal);
  } catch (error) {
    throw full.signal.aborted ? full.signal.reason : error;
  } finally {
    clearInterval(timer);
  }
}

function noRoom(directory: string, room: Room): RepositoryError {
  const [has, stays] = [room.freeBytes, floorBytes(room)].map((bytes) => (bytes / mebibyte).toFixed(1));
  const message = `no space left to fetch into ${directory}: ${has} MiB are free on that disk, and ${stays} MiB stay so; make room there`;
  return new RepositoryError(message, { retryable: true });
}

/** Half objects and packs of a git that was ended: git itself keeps them for two weeks. None runs meanwhile. */
export async function clearHalves(gitDir: string): Promise<void> {
  const objects = path.join(gitDir, 'objects');
  const names = await readdir(objects, { recursive: true }).catch(() => []);
  const halves = names.filter((name) => /^\.?tmp[_-]/.test(path.basename(name)));
  for (const name of halves) await rm(path.join(objects, name), { recursive: true, force: true });
}
