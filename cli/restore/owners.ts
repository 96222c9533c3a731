import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedState } from '../../observers/types.ts';
import { StepError } from '../../reconciler/apply/types.ts';
import type { BackgroundDeps } from '../../reconciler/background.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import type { OwnerPlan } from '../../reconciler/owners/move.ts';
import { type NumbersHere, numbersHere } from '../../reconciler/owners/numbers.ts';
import { readOwners } from '../../reconciler/owners/read.ts';
import { alone } from '../archives/ask.ts';
import { UserError } from '../errors.ts';

/** What numbers of owners mean on this server, for the data of one service. Throws UserError where it does not say. */
export function numbersNow(observed: ObservedState, { desired }: Cycle, backup: DesiredBackup): NumbersHere {
  if (desired === null) throw new UserError('the newest commit is not valid; nothing was done');
  try {
    return numbersHere(observed, desired, backup);
  } catch (error) {
    throw new UserError(`${(error as Error).message}; nothing was done`);
  }
}

/** Asks the archive, before anything is stopped for it. Throws UserError. */
export async function ownersFor(
  { repository }: DesiredBackup,
  archive: string,
  here: NumbersHere,
  deps: BackgroundDeps,
): Promise<OwnerPlan> {
  const ask = () => readOwners({ repository, archive }, here, deps.executor);
  return await alone(repository, deps, ask).catch((error: Error) => {
    throw error instanceof StepError ? new UserError(`${error.message}; nothing was done`) : error;
  });
}
