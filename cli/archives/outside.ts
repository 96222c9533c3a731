import { readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Cycle } from '../../reconciler/cycle.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { UserError } from '../errors.ts';
import { retiredBackups } from './retired.ts';

/**
 * The folder as it is without symbolic links. Throws UserError where that is in the data of a service: what services
 * write to is restored, with a way back, and never written over or hidden below a mount.
 */
export async function folderOutside(given: string, { desired }: Cycle, store: Store): Promise<string> {
  const folder = await withoutLinks(path.resolve(given));
  const declared = (desired?.resources ?? []).filter((each) => each.kind === 'zfs-dataset');
  const kept = retiredBackups(store).flatMap(({ service, datasets }) =>
    datasets.map(({ mountpoint }) => ({ service, mountpoint })),
  );
  for (const { service, mountpoint } of [...declared, ...kept]) {
    if (service === null) continue;
    const root = await withoutLinks(mountpoint);
    if (`${folder}/`.startsWith(`${root}/`))
      throw new UserError(
        `${folder} is in the data of ${service} (${mountpoint}); steward restore brings that back, and this wants a folder elsewhere`,
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
