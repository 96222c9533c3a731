import type { DesiredBackup } from '../../desired-state/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import { backgroundDeps } from '../background.ts';
import { stopSignal } from '../commands/reconcile.ts';
import { nearest, UserError } from '../errors.ts';
import { settleJournal } from '../keep.ts';
import { locked } from '../locked.ts';
import { backupsOf } from '../recover/services.ts';
import { type Flags, readSettings, type Settings } from '../settings.ts';
import { noteWaiting } from '../terminal.ts';
import { type Wired, wire } from '../wire.ts';

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
export async function withBackup(
  name: string,
  flags: Flags,
  command: string,
  action: (context: ArchiveContext) => Promise<number>,
): Promise<number> {
  const settings = readSettings(flags);
  const signal = stopSignal();
  const wired = await wire(settings, signal);
  const { stateDir } = settings;
  const request = { stateDir, command, waitMs: 30_000, onWait: noteWaiting, signal };
  try {
    const cycle = await locked(request, async () => {
      await settleJournal(wired, stateDir);
      return await runCycle(wired.deps, { dry: true });
    });
    const deps = backgroundDeps(wired, settings, command);
    return await action({ desired: backupOf(name, cycle), cycle, wired, settings, deps, signal });
  } finally {
    wired.close();
  }
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
