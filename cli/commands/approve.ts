import type { CommitInfo } from '../../desired-state/types.ts';
import { approve } from '../../reconciler/state/inventory.ts';
import { betweenCycles } from '../between-cycles.ts';
import { UserError } from '../errors.ts';
import { placeOf } from '../render/reason.ts';
import { safe } from '../render/text.ts';
import { type Flags, readSettings } from '../settings.ts';
import { type Wired, wire } from '../wire.ts';

/** Approves the commit that is to be reconciled, named by at least seven characters so that it was looked at. */
export async function approveCommit(given: string, flags: Flags): Promise<number> {
  if (!/^[0-9a-f]{7,40}$/.test(given))
    throw new UserError(`${given}: expected 7 to 40 characters of a commit id`);
  const settings = readSettings(flags);
  const wired = await wire(settings);
  try {
    return await betweenCycles(settings.stateDir, 'approve', () => approveIn(wired, given));
  } finally {
    wired.close();
  }
}

async function approveIn(wired: Wired, given: string): Promise<number> {
  const { commit, error } = await wired.deps.source.sync();
  if (commit === null) throw new UserError(error ?? 'the repository has no commit');
  if (!commit.id.startsWith(given)) {
    throw new UserError(
      `${given} is not what is to be reconciled: that is ${commit.id.slice(0, 12)} "${commit.subject}"`,
    );
  }
  await refuseInvalid(wired, commit);
  approve(wired.store, commit.id, wired.deps.clock.now());
  process.stdout.write(
    `Approved ${commit.id.slice(0, 12)} "${safe(commit.subject)}": the next cycle applies it.\n`,
  );
  return 0;
}

/** No cycle would go by the approval, and the commit that mends it is another one. */
async function refuseInvalid({ deps }: Wired, commit: CommitInfo): Promise<void> {
  const loaded = await deps.source.load(commit);
  if (loaded.ok) return;
  const [problem] = loaded.problems.filter(({ severity }) => severity === 'error');
  const first = problem === undefined ? '' : `: ${placeOf(problem)}:${problem.column}: ${problem.message}`;
  throw new UserError(
    `${commit.id.slice(0, 12)} "${commit.subject}" is not valid, so that there is nothing to approve${first}; steward plan names each mistake`,
  );
}
