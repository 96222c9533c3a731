import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { DesiredBackup, ResourceId } from '../../desired-state/types.ts';
import { type ListedArchive, StepError } from '../../reconciler/apply/types.ts';
import { type BackgroundDeps, takeAll } from '../../reconciler/background.ts';
import { keptOutBy } from '../../reconciler/backup/at-work.ts';
import { recordListing } from '../../reconciler/backup/record.ts';
import type { KnownRepository } from '../../reconciler/backup/step-parts.ts';
import { doubtRepository, readBackups } from '../../reconciler/state/backups.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import type { Store } from '../../reconciler/state/store.ts';
import type { Step } from '../../reconciler/types.ts';
import { UserError } from '../errors.ts';

/** Runs `action` alone with a repository. Throws UserError, and says who and at what, where somebody else has it. */
export async function alone<T>(
  { location }: RepositoryRef,
  deps: Pick<BackgroundDeps, 'tryLock' | 'store'>,
  action: () => Promise<T>,
): Promise<T> {
  const locks = takeAll([repositoryLock(location)], deps);
  if ('holder' in locks)
    throw new UserError(keptOutBy(locks.holder, locks.name, location, readBackups(deps.store)));
  try {
    return await action();
  } finally {
    for (const lock of locks.taken) lock.release();
  }
}

/**
 * Looks at a repository as what was known of it: another one in its place is not taken for it. Where it is gone or
 * exchanged, whoever comes next has to look before he relies on it.
 */
export async function lookAtKnown<T>(
  { location }: RepositoryRef,
  id: ResourceId,
  store: Store,
  look: (known: KnownRepository | undefined) => Promise<T>,
): Promise<T> {
  const before = readBackups(store).repositories.get(location);
  try {
    return await look(before === undefined ? undefined : { borgId: before.borgId, id });
  } catch (error) {
    if (error instanceof StepError && error.isLost) doubtRepository(store, location);
    throw error;
  }
}

/** Which archives the repository has now, which is also recorded. Makes no repository. Throws StepError, UserError. */
export function askRepository(
  { repository, repositoryId }: Pick<DesiredBackup, 'repository' | 'repositoryId'>,
  deps: BackgroundDeps,
): Promise<ListedArchive[]> {
  const { store, clock, executor, signal } = deps;
  const ask = async (known: KnownRepository | undefined) => {
    const step: Step = { op: 'borg-list', repository, ...(known === undefined ? {} : { known }) };
    const facts = await executor.execute(step, signal === undefined ? {} : { signal });
    if (!facts?.repository) throw new Error(`${repository.location} did not say which archives it has`);
    recordListing(store, repository, facts.repository, clock.now());
    return facts.repository.archives;
  };
  return alone(repository, deps, () => lookAtKnown(repository, repositoryId, store, ask));
}
