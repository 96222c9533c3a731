import type { BorgOptions } from '../../tools/borg/call.ts';
import type { BorgExtract } from '../types.ts';
import { borg } from './borg.ts';
import { emptyMounts } from './empty.ts';
import { watchExtraction } from './extract-failure.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import { missingFolders, newPlaces } from './missing-folders.ts';
import { moveOwners, readTops } from './move-owners.ts';
import { extractArgv } from './restore-argv.ts';

export interface ExtractOptions extends BorgOptions {
  readMountinfo?: ReadMountinfo | undefined;
}

/**
 * The datasets are held mounted until all is as it should be. A warning of borg means that something is not as it was in the
 * archive, and half of a restore is worse than none.
 */
export async function extractArchive(step: BorgExtract, options: ExtractOptions): Promise<void> {
  const guards = step.mounts.map(({ guard }) => guard);
  await whileMounted(guards, options.readMountinfo, async () => {
    const missing = await missingFolders(step, options);
    await emptyMounts(step, options);
    const tops = await readTops(step.mounts);
    const [, ...args] = extractArgv(step, missing);
    const wrap = (argv: string[]) => standingAt(guards[0]?.mountpoint ?? '', argv);
    const { readMountinfo: _readMountinfo, ...rest } = options;
    const watch = watchExtraction(step.archive);
    const given = { ...rest, wrap, onWarning: (message: string) => watch.onWarning(message) };
    const { exitCode, warnings } = await borg(args, step.repository, given).catch(async (error: unknown) => {
      // A way back takes room, too. What cannot be removed is no more than what has failed already.
      if (watch.isFull()) await emptyMounts(step, options).catch(() => {});
      throw watch.failed(error);
    });
    if (exitCode !== 0) throw watch.incomplete(warnings);
    const paths = newPlaces(step.paths, missing);
    if (step.owners !== null) await moveOwners({ ...step, paths }, step.owners, tops, options);
  });
}

/** A command that runs in this folder. */
export function standingAt(folder: string, argv: string[]): string[] {
  return ['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, ...argv];
}
