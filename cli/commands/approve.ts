import { approve } from '../../reconciler/state/inventory.ts';
import { betweenCycles } from '../between-cycles.ts';
import { UserError } from '../errors.ts';
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
  approve(wired.store, commit.id, wired.deps.clock.now());
  process.stdout.write(
    `Approved ${commit.id.slice(0, 12)} "${safe(commit.subject)}": the next cycle applies it.\n`,
  );
  return 0;
}
