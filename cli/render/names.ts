import type { Kind } from '../../desired-state/types.ts';
import { safe } from './text.ts';

export interface Named {
  kind: Kind;
  name: string;
}

/**
 * Paths of directories below the storage mountpoint as `…/photo/library`. A path outside it stays whole, and so
 * does one whose short form would be that of another: a reader must be able to tell what is meant.
 */
export function namer(all: Named[], mountpoint: string | undefined): (item: Named) => string {
  const counts = new Map<string, number>();
  const paths = new Set(all.filter(({ kind }) => kind === 'directory').map(({ name }) => name));
  for (const path of paths) {
    const short = shorten(path, mountpoint);
    counts.set(short, (counts.get(short) ?? 0) + 1);
  }
  return ({ kind, name }) => {
    if (kind !== 'directory') return safe(name);
    const short = shorten(name, mountpoint);
    return safe((counts.get(short) ?? 0) > 1 ? name : short);
  };
}

function shorten(path: string, mountpoint: string | undefined): string {
  if (mountpoint === undefined || mountpoint === '/' || !path.startsWith(`${mountpoint}/`)) return path;
  return `…${path.slice(mountpoint.length)}`;
}
