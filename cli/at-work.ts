import { stopSignal } from './commands/reconcile.ts';
import { settleJournal } from './keep.ts';
import { type Look, lookFrom } from './last-good.ts';
import { type LockRequest, locked } from './locked.ts';
import { type Flags, readSettings, type Settings } from './settings.ts';
import { noteWaiting } from './terminal.ts';
import { type Wired, wire } from './wire.ts';

/** What a command stands on that changes more than a cycle would. */
export interface AtWork {
  wired: Wired;
  settings: Settings;
  look: Look;
  /** How it waits for the cycles, and what others are told of it. */
  request: LockRequest & { signal: AbortSignal };
}

/** What a crash has left open is put right first. Throws UserError where somebody else is at work for too long. */
export async function atWork<T>(
  flags: Flags,
  command: string,
  action: (at: AtWork) => Promise<T>,
): Promise<T> {
  const settings = readSettings(flags);
  const signal = stopSignal();
  const wired = await wire(settings, signal);
  const { stateDir } = settings;
  const request = { stateDir, command, waitMs: 30_000, onWait: noteWaiting, signal };
  try {
    await locked(request, () => settleJournal(wired, stateDir));
    return await action({ wired, settings, look: lookFrom(wired), request });
  } finally {
    wired.close();
  }
}
