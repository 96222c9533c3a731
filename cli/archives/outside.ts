import { readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Cycle } from '../../reconciler/cycle.ts';
import { UserError } from '../errors.ts';

/**
 * The folder as it is without symbolic links. Throws UserError where that is in the data of a service: what services
 * write to is restored, with a way back, and never written over or hidden below a mount.
 */
export async function folderOutside(given: string, { desired }: Cycle): Promise<string> {
  const folder = await withoutLinks(path.resolve(given));
  for (const each of desired?.resources ?? []) {
    if (each.kind !== 'zfs-dataset' || each.service === null) continue;
    const root = await withoutLinks(each.mountpoint);
    if (`${folder}/`.startsWith(`${root}/`))
      throw new UserError(
        `${folder} is in the data of ${each.service} (${each.mountpoint}); steward restore brings that back, and this wants a folder elsewhere`,
      );
  }
  return folder;
}

/** Also of what is not there yet, of a link that leads nowhere, and of a mount whose program has died. */
export async function withoutLinks(place: string): Promise<string> {
  try {
    return await realpath(place);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTCONN') throw new UserError(`${place} cannot be used: ${message}`);
    const target = await readlink(place).catch(() => null);
    const folder = path.dirname(place);
    if (target !== null) return withoutLinks(path.resolve(folder, target));
    return path.join(await withoutLinks(folder), path.basename(place));
  }
}
