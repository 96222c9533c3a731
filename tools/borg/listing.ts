import { type ArchiveItem, parseItem } from './items.ts';

/** Looking into an archive: which call of borg, and what its lines say. */

/** One thing in a folder of an archive. */
export interface ListedItem extends ArchiveItem {
  /** Of its content; milliseconds since the epoch, null where borg tells none. */
  modifiedMs: number | null;
}

/**
 * Arguments that list what is in one folder (`` is the root), or with `recursive` all below it. Borg reads all names
 * of the archive either way; what is deeper is left out there, so that it is not printed.
 */
export function browseArgs(location: string, archive: string, folder: string, recursive: boolean): string[] {
  const deeper = `re:^${folder === '' ? '' : `${literal(folder)}/`}[^/]+/`;
  return [
    ...['list', '--json-lines', '--format', '{path}{mode}{uid}{gid}{size}{isomtime}{linktarget}'],
    ...(recursive ? [] : ['--exclude', deeper]),
    `${location}::${archive}`,
    ...(folder === '' ? [] : [`pp:${folder}`]),
  ];
}

/** Python's regular expressions take a backslash before any character that is no letter or digit. */
function literal(text: string): string {
  return text.replace(/[^\p{L}\p{N}/_]/gu, '\\$&');
}

export function parseListedItem(line: string): ListedItem {
  const item = parseItem(line);
  const { isomtime, mtime } = JSON.parse(line) as { isomtime?: unknown; mtime?: unknown };
  const time = typeof isomtime === 'string' ? isomtime : mtime;
  const modifiedMs = typeof time === 'string' ? Date.parse(`${time.slice(0, 19)}Z`) : Number.NaN;
  return { ...item, modifiedMs: Number.isNaN(modifiedMs) ? null : modifiedMs };
}
