import type { DesiredBackup } from '../../desired-state/types.ts';
import { codeOf } from '../apply/borg.ts';
import { type ExecuteOptions, type Executor, StepError } from '../apply/types.ts';
import type { BackgroundDeps } from '../background.ts';
import type { NumbersHere } from '../owners/numbers.ts';
import { readOwners } from '../owners/read.ts';
import { runRestore } from '../restore/run.ts';
import { type Recovery, writeRecovery } from '../state/recovery.ts';
import type { BorgExtract, Outcome, RequireEmpty, Step } from '../types.ts';
import { recoverChange } from './change.ts';

export interface RecoverDeps extends BackgroundDeps {
  /** What numbers of owners mean on this server now: its group may just have been made. */
  numbersHere(): Promise<NumbersHere>;
}

/** Archives to be tried, newest first. */
export type Candidate = { name: string; atMs: number };

/**
 * Puts the newest archive that can be read into the datasets of a service, and says in the state what became of it. One
 * that is damaged gives way to the one before; what would fail for that as well (a connection, a full disk) ends it.
 */
export async function recoverService(
  desired: DesiredBackup,
  known: Recovery,
  candidates: readonly Candidate[],
  commit: string,
  deps: RecoverDeps,
): Promise<Outcome | null> {
  const keep = keeper(known, deps);
  let last: Outcome | null = null;
  for (const { name: archive, atMs } of withoutDamaged(candidates, known)) {
    keep.set({ archive, atMs });
    const watched = watch(deps, keep);
    const change = recoverChange({ desired, archive, atMs: deps.clock.now() });
    last = await runRestore(change, commit, { ...deps, executor: watched.executor, gate: async () => null });
    if (last.result === 'applied')
      return keep.set({ phase: 'restored', note: joined(keep.now().note, last.notes) }, last);
    if (!watched.isDamaged()) return keep.set({ note: last.error }, last);
    keep.set({ note: `${archive} is damaged (${last.error})` }, last);
  }
  return last;
}

function joined(note: string | null, notes: string[] = []): string | null {
  return [note, ...notes].filter((each) => each !== null).join('; ') || null;
}

/** Resumed with the archive that it was at: newer ones were found damaged. */
function withoutDamaged(
  candidates: readonly Candidate[],
  { phase, archive }: Recovery,
): readonly Candidate[] {
  const at = phase === 'restoring' ? candidates.findIndex(({ name }) => name === archive) : 0;
  return candidates.slice(Math.max(0, at));
}

interface Keeper {
  now(): Recovery;
  set<T>(news: Partial<Recovery>, result?: T): T;
}

function keeper(known: Recovery, { store, clock }: BackgroundDeps): Keeper {
  let recovery = known;
  return {
    now: () => recovery,
    set<T>(news: Partial<Recovery>, result?: T): T {
      recovery = { ...recovery, ...news, updatedMs: clock.now() };
      writeRecovery(store, recovery);
      return result as T;
    },
  };
}

/**
 * Only right before the first file is written, and after it was seen that nothing is there, does the state say that
 * what is there may be taken away again. No cycle is under way at that instant, and none to come gives directories of
 * the service an owner before they have the one of the archive.
 */
function watch({ executor, holdCycles, numbersHere }: RecoverDeps, keep: Keeper) {
  let damaged = false;
  const begin = async (step: RequireEmpty, options: ExecuteOptions) => {
    if (keep.now().phase === 'restoring') return;
    const held = await holdCycles();
    try {
      await executor.execute(step, options);
      keep.set({ phase: 'restoring' });
    } finally {
      held.release();
    }
  };
  const extract = async (step: BorgExtract, options: ExecuteOptions) => {
    const { owners, note } = await readOwners(step, await numbersHere(), executor, options);
    await begin({ op: 'require-empty', mounts: step.mounts }, options);
    const facts = (await executor.execute({ ...step, owners }, options)) ?? {};
    return note === undefined ? facts : { ...facts, notes: [...(facts.notes ?? []), note] };
  };
  return {
    isDamaged: () => damaged,
    executor: {
      async execute(step: Step, options: ExecuteOptions) {
        if (step.op !== 'borg-extract') return await executor.execute(step, options);
        try {
          return await extract(step, options);
        } catch (error) {
          damaged = isDamage(error);
          throw error;
        }
      },
    } satisfies Executor,
  };
}

/** Of Borg's modern codes: inconsistent, chunks missing, integrity, decompression; and warnings of borg extract. */
const damageCodes = new Set([12, 17, 90, 92]);

function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return error instanceof StepError && (code === null ? error.isIncomplete : damageCodes.has(code));
}
