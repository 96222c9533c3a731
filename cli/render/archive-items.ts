import type { ListedItem } from '../../tools/borg/listing.ts';
import { bytes } from './quantity.ts';
import { pad, padStart, safe } from './text.ts';

/** One line as `ls -l` has it: `-rw-r--r--  100999:100999   4.10 kB  2026-11-23 02:30  library/a.jpg`; times are UTC. */
export function itemLine(item: ListedItem, folder: string): string {
  const { mode, uid, gid, size, modifiedMs, path, target } = item;
  const when = modifiedMs === null ? '' : new Date(modifiedMs).toISOString().slice(0, 16).replace('T', ' ');
  const isFolder = mode.startsWith('d');
  const length = isFolder ? '' : bytes(size);
  const inside = folder !== '' && path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
  const link = target === '' || !mode.startsWith('l') ? '' : ` -> ${safe(target)}`;
  const name = `${safe(inside)}${isFolder ? '/' : ''}${link}`;
  return `${mode}  ${pad(`${uid}:${gid}`, 15)}  ${padStart(length, 8)}  ${pad(when, 16)}  ${name}`;
}
