import type { DesiredBackup } from '../../desired-state/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { atWork } from '../at-work.ts';
import { backgroundDeps } from '../background.ts';
import { nearest, UserError } from '../errors.ts';
import { locked } from '../locked.ts';
import { backupsOf } from '../recover/services.ts';
import type { Flags, Settings } from '../settings.ts';
import type { Wired } from '../wire.ts';

/** What commands about the archives of one service stand on. */
export interface ArchiveContext {
  desired: DesiredBackup;
  cycle: Cycle;
  wired: Wired;
  settings: Settings;
  deps: BackgroundDeps;
  signal: AbortSignal;
}

/** Throws UserError where Git declares no backup of this service, or cannot be read. */
export function withBackup(
  name: string,
  flags: Flags,
  command: string,
  action: (context: ArchiveContext) => Promise<number>,
): Promise<number> {
  return atWork(flags, command, async ({ wired, settings, look, request }) => {
    const cycle = await locked(request, () => look());
    const deps = backgroundDeps(wired, settings, command);
    const { signal } = request;
    return await action({ desired: backupOf(name, cycle), cycle, wired, settings, deps, signal });
  });
}

export function backupOf(name: string, cycle: Cycle): DesiredBackup {
  const { desired, loadError, fetchError } = cycle;
  if (desired === null)
    throw new UserError(
      `${loadError ?? fetchError ?? 'the newest commit is not valid'}, so that its backups are not known; steward plan says more`,
    );
  const backups = backupsOf(cycle);
  const found = backups.find(({ service }) => service === name);
  if (found !== undefined) return found;
  const known = backups.map(({ service }) => service);
  throw new UserError(`there is no backup of ${name}${nearest(name, known)}`);
}
