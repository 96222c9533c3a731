import type { Executor } from '../apply/types.ts';
import type { BorgExtract } from '../types.ts';
import { numbersIn } from './comment.ts';
import { type OwnerPlan, planOwners } from './move.ts';
import type { NumbersHere } from './numbers.ts';

/** What becomes of the owners of an archive on this server: the archive is asked. Throws StepError. */
export async function readOwners(
  { repository, archive }: Pick<BorgExtract, 'repository' | 'archive'>,
  here: NumbersHere,
  { execute }: Executor,
  options: { signal?: AbortSignal } = {},
): Promise<OwnerPlan> {
  const facts = await execute({ op: 'borg-comment', repository, archive }, options);
  return planOwners(numbersIn(facts?.comment ?? ''), here);
}
