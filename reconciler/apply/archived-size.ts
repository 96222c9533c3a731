import { parseStats } from '../../tools/borg/archives.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { parseItem } from '../../tools/borg/items.ts';
import { borg } from './borg.ts';
import { type ArchivePart, findArgv } from './restore-argv.ts';
import { StepError } from './types.ts';

/** In bytes. */
export interface ArchivedSize {
  /** Of the files, holes and all. */
  original: number;
  /** As Borg has compressed them, which leaves nothing of a hole. */
  compressed: number;
}

/** Of what an archive holds at these paths; of all of it without any. Throws StepError where it lacks one. */
export async function archivedSize(part: ArchivePart, options: BorgOptions): Promise<ArchivedSize> {
  const { repository, archive, paths } = part;
  const [, ...args] = findArgv(part);
  if (paths.length === 0) {
    const { originalBytes, compressedBytes } = parseStats((await borg(args, repository, options)).stdout);
    return { original: originalBytes, compressed: compressedBytes };
  }
  const missing = new Set(paths);
  const found = { original: 0, compressed: 0 };
  const onLine = (line: string) => {
    if (line === '') return;
    const item = parseItem(line);
    found.original += item.size;
    found.compressed += item.compressed ?? item.size;
    for (const path of missing) if (isAt(item.path, path)) missing.delete(path);
  };
  await borg(args, repository, { ...options, onLine });
  if (missing.size === 0) return found;
  throw new StepError(`${archive} has nothing at ${[...missing].join(', ')}`, { retryable: false });
}

function isAt(place: string, path: string): boolean {
  return place === path || place.startsWith(`${path}/`);
}

/**
 * ZFS may compress better than Borg has, and how well is known only when all of it is there: less than a half of what
 * Borg has stored it does not take. Where more would fit than that, it is tried, and taken back where it did not.
 */
export function isFarFrom(needed: number, room: number): boolean {
  return room < needed / 2;
}

export function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
