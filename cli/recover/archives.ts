import type { DesiredBackup } from '../../desired-state/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import { recoverable } from '../../reconciler/recover/change.ts';
import type { Candidate } from '../../reconciler/recover/run.ts';
import { type Recovery, writeRecovery } from '../../reconciler/state/recovery.ts';
import { askRepository } from '../archives/ask.ts';

/**
 * Asks the repository which archives there are, newest first, and takes note in the state where there are none or where
 * it does not answer. A repository that is not there is never made here: it may be in the wrong place.
 */
export async function candidatesFor(
  desired: DesiredBackup,
  known: Recovery,
  deps: BackgroundDeps,
): Promise<Candidate[]> {
  const note = (news: Partial<Recovery>) =>
    writeRecovery(deps.store, { ...known, ...news, updatedMs: deps.clock.now() });
  try {
    const found = recoverable(desired, await askRepository(desired.repository, deps));
    const isNew = known.phase !== 'restoring' && found.length === 0;
    note(isNew ? { phase: 'nothing', note: desired.repository.location } : { ...begun(known), note: null });
    return found;
  } catch (error) {
    note({ note: (error as Error).message });
    return [];
  }
}

/** An archive may have turned up since. */
function begun({ phase }: Recovery): Pick<Recovery, 'phase'> {
  return { phase: phase === 'nothing' ? 'waiting' : phase };
}
