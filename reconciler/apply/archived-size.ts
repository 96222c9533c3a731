import { parseStats } from '../../tools/borg/archives.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { parseItem } from '../../tools/borg/items.ts';
import { borg } from './borg.ts';
import { type ArchivePart, findArgv } from './restore-argv.ts';
import { StepError } from './types.ts';

/** Bytes of what an archive holds at these paths; of all of it without any. Throws StepError where it lacks one. */
export async function archivedBytes(part: ArchivePart, options: BorgOptions): Promise<number> {
  const { repository, archive, paths } = part;
  const [, ...args] = findArgv(part);
  if (paths.length === 0) return parseStats((await borg(args, repository, options)).stdout).originalBytes;
  const missing = new Set(paths);
  let bytes = 0;
  const onLine = (line: string) => {
    if (line === '') return;
    const item = parseItem(line);
    bytes += item.size;
    for (const path of missing) if (isAt(item.path, path)) missing.delete(path);
  };
  await borg(args, repository, { ...options, onLine });
  if (missing.size === 0) return bytes;
  throw new StepError(`${archive} has nothing at ${[...missing].join(', ')}`, { retryable: false });
}

function isAt(place: string, path: string): boolean {
  return place === path || place.startsWith(`${path}/`);
}

export function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
