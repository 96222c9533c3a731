import { BorgError } from './types.ts';

/** One thing in an archive, of `borg list --json-lines REPOSITORY::ARCHIVE`. */
export interface ArchiveItem {
  path: string;
  /** As `ls -l` has it; `h…` for a second name of a file that came before. */
  mode: string;
  uid: number;
  gid: number;
  /** Of a regular file; 0 for a second name. */
  size: number;
  /** What it takes up in the repository without what others have in common with it, where borg was asked for it. */
  compressed?: number;
  /** Of a symbolic link. */
  target: string;
}

export function parseItem(line: string): ArchiveItem {
  const item = parsed(line);
  const { path, mode, uid, gid, size, csize, linktarget } = item;
  if (typeof path !== 'string' || typeof mode !== 'string')
    throw new BorgError('borg list printed something without a path');
  return {
    path,
    mode,
    uid: number(uid),
    gid: number(gid),
    size: number(size),
    ...(csize === undefined ? {} : { compressed: number(csize) }),
    target: typeof linktarget === 'string' ? linktarget : '',
  };
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (cause) {
    throw new BorgError('borg list printed something else than JSON', { cause });
  }
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
