import { browseArchive } from '../../observers/archive.ts';
import type { ListedItem } from '../../tools/borg/listing.ts';
import { alone } from '../archives/ask.ts';
import { withBackup } from '../archives/context.ts';
import { archiveToRead } from '../archives/known.ts';
import { UserError } from '../errors.ts';
import { itemLine } from '../render/archive-items.ts';
import { safeJson } from '../render/text.ts';
import { pathsToRestore } from '../restore/target.ts';
import type { Flags } from '../settings.ts';
import { NobodyReads, printLine } from '../terminal.ts';

export interface BrowseFlags extends Flags {
  output: 'text' | 'json';
  recursive?: boolean;
}

/** What is in a folder of an archive, as it comes. Exit 0: there is something at this path. */
export function browse(
  name: string,
  archive: string,
  folder: string | undefined,
  flags: BrowseFlags,
): Promise<number> {
  return withBackup(name, flags, 'browse', async (asked) => {
    const { settings, signal, deps } = asked;
    if (settings.host === 'simulator')
      throw new UserError('archives of the simulated host have no files to look at');
    const { found, context } = await archiveToRead(archive, asked);
    const { desired } = context;
    const [below = ''] = pathsToRestore(desired, folder);
    const { repository } = desired;
    const request = { repository, archive: found.name, folder: below, recursive: flags.recursive === true };
    const options = { stateDir: settings.stateDir, signal };
    const show = (item: ListedItem) =>
      printLine(flags.output === 'json' ? safeJson(item, 0) : itemLine(item, below));
    const isThere = await alone(repository, deps, () => browseArchive(request, options, show)).catch(
      (error: unknown) => {
        if (error instanceof NobodyReads) return true;
        throw error;
      },
    );
    if (isThere) return 0;
    throw new UserError(`${found.name} has nothing at ${below}`);
  });
}
