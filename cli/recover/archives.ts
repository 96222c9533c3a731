import type { DesiredBackup } from '../../desired-state/types.ts';
import { type BackgroundDeps, takeAll } from '../../reconciler/background.ts';
import { recordListing } from '../../reconciler/backup/record.ts';
import { recoverable } from '../../reconciler/recover/change.ts';
import type { Candidate } from '../../reconciler/recover/run.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import { type Recovery, writeRecovery } from '../../reconciler/state/recovery.ts';
import { describe } from '../locked.ts';

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
    const found = await listed(desired, deps);
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

async function listed(desired: DesiredBackup, deps: BackgroundDeps): Promise<Candidate[]> {
  const { repository } = desired;
  const locks = takeAll([repositoryLock(repository.location)], deps);
  if ('holder' in locks) throw new Error(`${describe(locks.holder)} is at work on its repository`);
  const signal = deps.signal === undefined ? {} : { signal: deps.signal };
  try {
    const facts = await deps.executor.execute({ op: 'borg-list', repository }, signal);
    if (!facts?.repository) throw new Error('its repository did not say which archives it has');
    recordListing(deps.store, repository, facts.repository, deps.clock.now());
    return recoverable(desired, facts.repository.archives);
  } finally {
    for (const lock of locks.taken) lock.release();
  }
}
