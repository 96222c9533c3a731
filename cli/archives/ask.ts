import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { ListedArchive } from '../../reconciler/apply/types.ts';
import { type BackgroundDeps, takeAll } from '../../reconciler/background.ts';
import { recordListing } from '../../reconciler/backup/record.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import { UserError } from '../errors.ts';
import { describe } from '../locked.ts';

/** Runs `action` alone with a repository. Throws UserError, and says who, where somebody else is at work on it. */
export async function alone<T>(
  { location }: RepositoryRef,
  deps: Pick<BackgroundDeps, 'tryLock'>,
  action: () => Promise<T>,
): Promise<T> {
  const locks = takeAll([repositoryLock(location)], deps);
  if ('holder' in locks)
    throw new UserError(`${describe(locks.holder)} is at work on ${location}; try again when that is over`);
  try {
    return await action();
  } finally {
    for (const lock of locks.taken) lock.release();
  }
}

/** Which archives the repository has now, which is also recorded. Makes no repository. Throws StepError, UserError. */
export function askRepository(repository: RepositoryRef, deps: BackgroundDeps): Promise<ListedArchive[]> {
  return alone(repository, deps, async () => {
    const signal = deps.signal === undefined ? {} : { signal: deps.signal };
    const facts = await deps.executor.execute({ op: 'borg-list', repository }, signal);
    if (!facts?.repository) throw new Error(`${repository.location} did not say which archives it has`);
    recordListing(deps.store, repository, facts.repository, deps.clock.now());
    return facts.repository.archives;
  });
}
