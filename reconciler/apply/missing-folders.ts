import path from 'node:path';
import type { BorgExtract } from '../types.ts';
import { isDirectory } from './directory.ts';
import type { EmptyOptions } from './empty.ts';
import { targetsOf } from './targets.ts';

/**
 * Folders above chosen paths that are gone, too: Borg would make them anew, of root and with any mode, and a container
 * could not look into what it got back. So they come out of the archive as well, each without what else is in it.
 * Relative to the service's dataset, topmost first, each once.
 */
export async function missingFolders(step: BorgExtract, options: EmptyOptions): Promise<string[]> {
  const root = step.mounts[0]?.guard.mountpoint ?? '';
  const missing = new Set<string>();
  for (const { guard, path: place } of targetsOf(step)) {
    for (const folder of foldersAbove(place, guard.mountpoint)) {
      if (!(await isDirectory({ path: folder, guard }, options))) missing.add(path.relative(root, folder));
    }
  }
  return [...missing].sort();
}

/** Below the mountpoint, which is there. */
function foldersAbove(place: string, mountpoint: string): string[] {
  const names = path.relative(mountpoint, place).split('/').slice(0, -1);
  return names.map((_name, index) => path.join(mountpoint, ...names.slice(0, index + 1)));
}

/** What is new below the dataset: a chosen path, or the topmost of the folders above it that were gone. */
export function newPlaces(paths: string[], missing: string[]): string[] {
  return [
    ...new Set(paths.map((chosen) => missing.find((each) => `${chosen}/`.startsWith(`${each}/`)) ?? chosen)),
  ];
}
