import path from 'node:path';
import type { Step } from '../../reconciler/types.ts';
import { runOnArchive } from '../archives/change.ts';
import { type ArchiveContext, withBackup } from '../archives/context.ts';
import { archiveCalled, knownArchives } from '../archives/known.ts';
import { UserError } from '../errors.ts';
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
  return withBackup(name, flags, 'extract', async (context) => {
    const { desired } = context;
    const folder = path.resolve(flags.to);
    requireOutside(folder, context);
    const found = archiveCalled(archive, await knownArchives(context));
    const chosen = paths.flatMap((each) => pathsToRestore(desired, each));
    const { repository } = desired;
    const step: Step = { op: 'borg-extract-to', repository, archive: found.name, paths: chosen, folder };
    const steps: Step[] = chosen.length === 0 ? [step] : [findStep(context, found.name, chosen), step];
    return (await runOnArchive('extract', found.name, steps, context, flags.output)) ? 0 : 1;
  });
}

/** Borg says nothing of a path that is not in the archive. */
function findStep({ desired }: ArchiveContext, archive: string, paths: string[]): Step {
  const { repository, datasets } = desired;
  return { op: 'borg-find', repository, archive, paths, dataset: datasets[0]?.name ?? '' };
}

/** What services write to is restored, with a way back, and never written over. Throws UserError. */
function requireOutside(folder: string, { cycle }: ArchiveContext): void {
  const mountpoints = (cycle.desired?.resources ?? []).flatMap((each) =>
    each.kind === 'zfs-dataset' && each.service !== null ? [each.mountpoint] : [],
  );
  const inside = mountpoints.find((root) => `${folder}/`.startsWith(`${root}/`));
  if (inside === undefined) return;
  throw new UserError(
    `${folder} is in the data of a service (${inside}); steward restore puts it back there, --to wants a folder elsewhere`,
  );
}
