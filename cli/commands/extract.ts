import type { DesiredBackup } from '../../desired-state/types.ts';
import type { Step } from '../../reconciler/types.ts';
import { runOnArchive } from '../archives/change.ts';
import { withBackup } from '../archives/context.ts';
import { archiveToRead } from '../archives/known.ts';
import { folderOutside } from '../archives/outside.ts';
import { pathsToRestore } from '../restore/target.ts';
import type { Flags } from '../settings.ts';

export interface ExtractFlags extends Flags {
  output: 'text' | 'json';
  to: string;
}

/** A copy of an archive, or of some paths of it, in a folder of its own. Exit 0: all of it is there. */
export function extract(
  name: string,
  archive: string,
  paths: string[],
  flags: ExtractFlags,
): Promise<number> {
  return withBackup(name, flags, 'extract', async (asked) => {
    const folder = await folderOutside(flags.to, asked.cycle, asked.wired.store);
    const { found, context } = await archiveToRead(archive, asked);
    const { desired } = context;
    const { repository } = desired;
    const chosen = chosenPaths(desired, paths);
    const step: Step = { op: 'borg-extract-to', repository, archive: found.name, paths: chosen, folder };
    const { output } = flags;
    return await runOnArchive({ verb: 'extract', archive: found.name, steps: [step], output }, context);
  });
}

/** One of them may be the whole: then the others are in it. */
function chosenPaths(desired: DesiredBackup, given: string[]): string[] {
  const each = given.map((one) => pathsToRestore(desired, one));
  return each.some((paths) => paths.length === 0) ? [] : each.flat();
}
