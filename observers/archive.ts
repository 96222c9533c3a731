import type { BorgOptions } from '../tools/borg/call.ts';
import { browseArgs, type ListedItem, parseListedItem } from '../tools/borg/listing.ts';
import { callBorgAlone } from '../tools/borg/stale-lock.ts';
import type { BorgRepository } from '../tools/borg/types.ts';

export interface BrowseRequest {
  repository: BorgRepository;
  archive: string;
  /** Relative to the service's dataset; `` is that itself. */
  folder: string;
  recursive: boolean;
}

/**
 * Hands on what is in a folder of an archive, one at a time: there may be millions. A path that is a file is itself.
 * Whether there is anything at this path, be it an empty folder. Only for who holds Steward's lock of the repository.
 * Throws BorgError, and what `take` throws, which ends it.
 */
export async function browseArchive(
  request: BrowseRequest,
  options: BorgOptions,
  take: (item: ListedItem) => Promise<void> | void,
): Promise<boolean> {
  const { repository, archive, folder, recursive } = request;
  let isThere = folder === '';
  const onLine = (line: string) => {
    if (line === '') return;
    const item = parseListedItem(line);
    isThere = true;
    const isFolderItself = (item.path === folder || item.path === '.') && item.mode.startsWith('d');
    return isFolderItself ? undefined : take(item);
  };
  const args = browseArgs(repository.location, archive, folder, recursive);
  await callBorgAlone(args, repository, { ...options, onLine });
  return isThere;
}
