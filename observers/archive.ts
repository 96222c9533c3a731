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
 * Only for who holds Steward's lock of the repository. Throws BorgError.
 */
export async function browseArchive(
  request: BrowseRequest,
  options: BorgOptions,
  take: (item: ListedItem) => void,
): Promise<void> {
  const { repository, archive, folder, recursive } = request;
  let failure: unknown = null;
  const onLine = (line: string) => {
    // Thrown in here, it would end in the reader of the pipe.
    try {
      if (line === '' || failure !== null) return;
      const item = parseListedItem(line);
      const isFolderItself = (item.path === folder || item.path === '.') && item.mode.startsWith('d');
      if (!isFolderItself) take(item);
    } catch (error) {
      failure = error;
    }
  };
  const args = browseArgs(repository.location, archive, folder, recursive);
  await callBorgAlone(args, repository, { ...options, onLine });
  if (failure !== null) throw failure;
}
