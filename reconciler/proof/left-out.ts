/**
 * What the excludes of a backup leave out of a tree. Borg itself says so, since only borg knows its patterns: the paths
 * that it does not go into. It writes `?` for bytes that are no text, so paths are compared as it can write them.
 */
export interface LeftOut {
  /** Whether this path, or a folder that it is in, is left out. */
  has(path: Buffer): boolean;
  /** A path that borg may have meant, beside another one that it writes in the same way. */
  unclear: string | null;
}

export function leftOutOf(paths: string[]): LeftOut {
  const open = new Map<string, number>();
  for (const path of paths) {
    const key = asWritten(path.replace(/^\.(\/|$)/, ''));
    open.set(key, (open.get(key) ?? 0) + 1);
  }
  return {
    unclear: null,
    has(path) {
      if (open.size === 0) return false;
      const written = asWritten(path.toString());
      if (foldersOf(written).some((folder) => open.has(folder))) return true;
      const left = open.get(written);
      if (left === undefined) return false;
      if (left === 0) this.unclear ??= written;
      open.set(written, left - 1);
      return true;
    },
  };
}

/** How many there are in a row depends on who decodes. */
function asWritten(path: string): string {
  return path.replace(/[?\uFFFD\p{Cs}]+/gu, '?');
}

/** The top is in itself: without it nothing is left. */
function foldersOf(path: string): string[] {
  const folders = path === '' ? [] : [''];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) folders.push(path.slice(0, at));
  return folders;
}
