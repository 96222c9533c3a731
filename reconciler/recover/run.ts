import type { DesiredBackup } from '../../desired-state/types.ts';
import { type ExecuteOptions, type Executor, StepError } from '../apply/types.ts';
import type { BackgroundDeps } from '../background.ts';
import { passedOver } from '../backup/newest.ts';
import type { NumbersHere } from '../owners/numbers.ts';
import { readOwners } from '../owners/read.ts';
import { runRestore } from '../restore/run.ts';
import { isOpen, type Recovery, readRecoveries, writeRecovery } from '../state/recovery.ts';
import type { BorgExtract, Outcome, RequireEmpty, RestoreMount, Step } from '../types.ts';
import { recoverChange } from './change.ts';

export interface RecoverDeps extends BackgroundDeps {
  /** What numbers of owners mean on this server now: its group may just have been made. */
  numbersHere(): Promise<NumbersHere>;
}

/** Archives to be tried, newest first. */
export type Candidate = { name: string; atMs: number };

/**
 * Puts the newest archive that can be read into the datasets of a service, and says in the state what became of it. One
 * that is damaged beyond doubt gives way to the one before, and is not tried again. Anything else (a connection, a full
 * disk, a dataset set up differently) would fail for that as well, and ends it: the next time begins with the same.
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
  for (const { name: archive, atMs } of toBeTried(candidates, keep)) {
    if (!isOpen(keep.now())) return last;
    keep.set({ archive, atMs });
    const watched = watch(deps, keep);
    const change = recoverChange({ desired, archive, atMs: deps.clock.now() });
    last = await runRestore(change, commit, { ...deps, executor: watched.executor, gate: async () => null });
    const { damaged } = keep.now();
    if (last.result === 'applied') {
      const later = leftForLater(desired, archive, candidates, deps);
      const note = joined([...damages(damaged), ...(last.notes ?? []), later]);
      return keep.set({ phase: 'restored', note }, last);
    }
    if (!watched.isDamaged()) return keep.set({ note: joined([last.error, ...damages(damaged)]) }, last);
    keep.set({ damaged: { ...damaged, [archive]: last.error ?? '' } });
  }
  if (last !== null && isOpen(keep.now())) keep.set({ note: nothingWhole(desired, keep.now()) });
  return last;
}

/**
 * Without those that are damaged, be it that they were found so by a recovery that was cut off. Where none is left it
 * begins anew: that all of them are is rather a matter of the repository, which somebody may have mended or exchanged.
 */
function toBeTried(candidates: readonly Candidate[], keep: Keeper): readonly Candidate[] {
  const { damaged } = keep.now();
  const left = candidates.filter(({ name }) => !Object.hasOwn(damaged, name));
  if (left.length > 0 || candidates.length === 0) return left;
  keep.set({ damaged: {} });
  return candidates;
}

function nothingWhole({ repository: { location } }: DesiredBackup, { damaged }: Recovery): string {
  const advice = `look at its disk, or bring back a copy of it; steward recover then begins with the newest again`;
  return `no archive in ${location} can be read whole: ${damages(damaged).join('; ')}; ${advice}`;
}

/** Also where it is the clock of this server that is wrong: there is a newer archive then, and this is the way to it. */
function leftForLater(
  { service }: DesiredBackup,
  archive: string,
  candidates: readonly Candidate[],
  { clock }: BackgroundDeps,
): string | null {
  const left = passedOver(service, candidates, clock.now());
  if (left === null || left.names.includes(archive)) return null;
  return `${left.note}; steward restore ${service} --archive ${left.names[0]} takes it all the same`;
}

/** The first three are told. */
function damages(damaged: Recovery['damaged']): string[] {
  const all = Object.entries(damaged).map(([archive, why]) => `${archive} is damaged (${why})`);
  return all.length > 3 ? [...all.slice(0, 3), `and so are ${all.length - 3} more`] : all;
}

function joined(sentences: (string | null)[]): string | null {
  return sentences.filter((each) => each !== null).join('; ') || null;
}

interface Keeper {
  now(): Recovery;
  set<T>(news: Partial<Recovery>, result?: T): T;
}

/** As it is in the state: meanwhile a person may have given it up. */
function keeper(known: Recovery, { store, clock }: BackgroundDeps): Keeper {
  const now = () => readRecoveries(store).find(({ service }) => service === known.service) ?? known;
  return {
    now,
    set<T>(news: Partial<Recovery>, result?: T): T {
      writeRecovery(store, { ...now(), ...news, updatedMs: clock.now() });
      return result as T;
    },
  };
}

const clockWasAhead = 'the clock was ahead when the last attempt failed, so that nobody knows whose that is';

/** Two things that a person can do about it. */
function withWayOut({ service }: Recovery, why?: string) {
  return (error: unknown): never => {
    if (!(error instanceof StepError) || error.retryable) throw error;
    const reason = why === undefined ? '' : `; ${why}`;
    const ways = `remove it, or let ${service} start with it: steward recover --keep-what-is-there ${service}`;
    throw new StepError(`${error.message}${reason}: ${ways}`, { retryable: false });
  };
}

/**
 * Only right before the first file is written, and after it was seen that nothing is there, does the state say that
 * what is there may be taken away again. No cycle is under way at that instant, and none to come gives directories of
 * the service an owner before they have the one of the archive. What came to be there after an attempt has failed is
 * nothing of that, and is not taken away.
 */
function watch({ executor, clock, holdCycles, numbersHere }: RecoverDeps, keep: Keeper) {
  let damaged = false;
  const begin = async (mounts: RestoreMount[], options: ExecuteOptions) => {
    const { phase, leftMs } = keep.now();
    const look: RequireEmpty = { op: 'require-empty', mounts, mounted: true };
    if (phase === 'restoring') {
      if (leftMs !== null && leftMs > clock.now())
        await executor.execute(look, options).catch(withWayOut(keep.now(), clockWasAhead));
      else if (leftMs !== null)
        await executor.execute({ ...look, sinceMs: leftMs }, options).catch(withWayOut(keep.now()));
      keep.set({ leftMs: null });
      return;
    }
    const held = await holdCycles();
    try {
      await executor.execute(look, options).catch(withWayOut(keep.now()));
      keep.set({ phase: 'restoring', leftMs: null });
    } finally {
      held.release();
    }
  };
  const extract = async (step: BorgExtract, options: ExecuteOptions) => {
    const { owners, note } = await readOwners(step, await numbersHere(), executor, options);
    await begin(step.mounts, options);
    const facts = await executor.execute({ ...step, owners }, options).catch((error: unknown) => {
      keep.set({ leftMs: clock.now() });
      throw error;
    });
    return note === undefined ? facts : { ...facts, notes: [...(facts?.notes ?? []), note] };
  };
  return {
    isDamaged: () => damaged,
    executor: {
      async execute(step: Step, options: ExecuteOptions) {
        if (step.op !== 'borg-extract') return await executor.execute(step, options);
        try {
          return await extract(step, options);
        } catch (error) {
          damaged = error instanceof StepError && error.isDamage;
          throw error;
        }
      },
    } satisfies Executor,
  };
}
