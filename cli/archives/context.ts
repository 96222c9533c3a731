import type { DesiredBackup } from '../../desired-state/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { atWork } from '../at-work.ts';
import { backgroundDeps } from '../background.ts';
import { UserError } from '../errors.ts';
import { locked } from '../locked.ts';
import { backupsOf } from '../recover/services.ts';
import type { Flags, Settings } from '../settings.ts';
import type { Wired } from '../wire.ts';
import { noBackup, retiredBackups } from './retired.ts';

/** What commands about the archives of one service stand on. */
export interface ArchiveContext {
  desired: DesiredBackup;
  cycle: Cycle;
  wired: Wired;
  settings: Settings;
  deps: BackgroundDeps;
  signal: AbortSignal;
}

/** Also of a service that has left Git. Throws UserError where there is no backup of it, or Git cannot be read. */
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
    const desired = archivedBackupOf(name, cycle, wired.store);
    return await action({ desired, cycle, wired, settings, deps, signal });
  });
}

/** What Git declares, or did last. */
function archivedBackupOf(name: string, cycle: Cycle, store: Store): DesiredBackup {
  const isOwn = ({ service }: DesiredBackup) => service === name;
  const isLeft = cycle.desired !== null && !backupsOf(cycle).some(isOwn);
  const retired = isLeft ? retiredBackups(store).findLast(isOwn) : undefined;
  return retired ?? backupOf(name, cycle, store);
}

/** What Git declares. Throws UserError. */
export function backupOf(name: string, cycle: Cycle, store: Store): DesiredBackup {
  const { desired, loadError, fetchError } = cycle;
  if (desired === null)
    throw new UserError(
      `${loadError ?? fetchError ?? 'the newest commit is not valid'}, so that its backups are not known; steward plan says more`,
    );
  const found = backupsOf(cycle).find(({ service }) => service === name);
  if (found === undefined) throw noBackup(name, desired, store);
  return found;
}
