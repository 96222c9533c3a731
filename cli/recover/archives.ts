import type { DesiredBackup } from '../../desired-state/types.ts';
import { importKey, lacksKey } from '../../reconciler/apply/key-import.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import { recoverable } from '../../reconciler/recover/change.ts';
import type { Candidate } from '../../reconciler/recover/run.ts';
import { type Recovery, writeRecovery } from '../../reconciler/state/recovery.ts';
import { alone, askRepository } from '../archives/ask.ts';

/** What `steward keys export` has written, and Borg's home. */
export interface KeysFolder {
  folder: string;
  stateDir: string;
}

/**
 * Asks the repository which archives there are, newest first, and takes note in the state where there are none or where
 * it does not answer. A repository that is not there is never made here: it may be in the wrong place.
 */
export async function candidatesFor(
  desired: DesiredBackup,
  known: Recovery,
  keys: KeysFolder | null,
  deps: BackgroundDeps,
): Promise<Candidate[]> {
  const note = (news: Partial<Recovery>) =>
    writeRecovery(deps.store, { ...known, ...news, updatedMs: deps.clock.now() });
  try {
    const found = recoverable(desired, await askWithKey(desired, keys, deps), deps.clock.now());
    const { location } = desired.repository;
    if (found.length > 0) note({ ...begun(known), note: null });
    else if (known.phase !== 'restoring') note({ phase: 'nothing', note: location });
    else note({ note: `there is no archive of it in ${location} any more` });
    return found;
  } catch (error) {
    note({ note: (error as Error).message });
    return [];
  }
}

/** What is lost with the old server, or was in a repository that has lost it, comes from where it was exported to. */
async function askWithKey(desired: DesiredBackup, keys: KeysFolder | null, deps: BackgroundDeps) {
  const { repository } = desired;
  try {
    return await askRepository(desired, deps);
  } catch (error) {
    if (!lacksKey(error)) throw error;
    if (keys === null) throw new Error(`${(error as Error).message}, or give recover --keys DIR`);
  }
  await alone(repository, deps, () => importKey(repository, keys.folder, keys));
  return await askRepository(desired, deps);
}

/** An archive may have turned up since. */
function begun({ phase }: Recovery): Pick<Recovery, 'phase'> {
  return { phase: phase === 'nothing' ? 'waiting' : phase };
}
