import path from 'node:path';
import type { BindMount } from '../mounts.ts';
import type { Broken } from './types.ts';

/**
 * Mounts out of the checkout. Its own folder, and what is nobody's, a container may read. Written to it may not be: root
 * reads from there what it runs next.
 */
export function inCheckout(mount: BindMount, root: string, folder: string): Broken[] {
  const { source, container, origin, readOnly } = mount;
  const file = path.posix.relative(root, source);
  const shown = file === '' ? 'the whole repository' : file;
  const whose = whoseIs(file, folder);
  if (whose !== null) {
    const fix = `put what it needs into ${folder}`;
    return [{ container, origin, message: `${container} mounts ${shown}, ${whose}`, text: source, fix }];
  }
  if (readOnly) return [];
  const message = `${container} can write to ${shown}, out of which root runs this service`;
  const fix = 'add :ro, and mount a directory of the dataset for what it writes';
  return [{ container, origin, message, text: source, fix }];
}

/** Folders that begin with _ are no services. */
function whoseIs(file: string, folder: string): string | null {
  if (file === folder || file.startsWith(`${folder}/`)) return null;
  if (file === '' || file === 'services') return 'which holds the files of every service';
  if (/^\.git(\/|$)/.test(file)) return 'which holds everything that ever was in the repository';
  const other = /^services\/([^/_][^/]*)/.exec(file)?.[1];
  return other === undefined ? null : `which is of ${other}`;
}
