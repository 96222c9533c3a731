import type { CommitInfo, DesiredState, LoadResult } from '../desired-state/types.ts';
import { type Cycle, type CycleOptions, runCycle, type Source } from '../reconciler/cycle.ts';
import { heldReason } from '../reconciler/hold.ts';
import { readInventory } from '../reconciler/state/inventory.ts';
import type { Store } from '../reconciler/state/store.ts';
import { placeOf } from './render/reason.ts';
import { note } from './terminal.ts';
import type { Wired } from './wire.ts';

/**
 * A repository that has given no commit yet, as at another URL that does not answer, or a newest commit by which nothing is done, for a mistake in whatever service or since it waits for a person, must block
 * neither the way back nor the backups: both go by the last good commit meanwhile. How long archives are kept may be what
 * the newest is about, so that nothing is pruned.
 */

type FromGit = Pick<Wired, 'deps' | 'lastGood'>;

/** Git and the host as a command sees them that changes nothing of what Git declares. See `lookFrom`. */
export type Look = (asked?: CycleOptions['asked']) => Promise<Cycle>;

/** Nothing is done by the commit of this cycle. */
export function isStopped({ result, commit }: Cycle): boolean {
  return (result === 'bad-commit' || result === 'held' || result === 'no-commit') && commit !== null;
}

/**
 * What tells of the host and its backups: the cycle itself, or where nothing is done by its commit, a look at the last
 * good one. Without a plan where there is none.
 */
export async function inForce(wired: FromGit, newest: Cycle, asked?: CycleOptions['asked']): Promise<Cycle> {
  return isStopped(newest) ? await atLastGood(wired, asked) : newest;
}

async function atLastGood(wired: FromGit, asked: CycleOptions['asked']): Promise<Cycle> {
  return await runCycle({ ...wired.deps, source: lastGoodSource(wired) }, looking(asked));
}

/**
 * Of the newest commit or the last good one, then with `result` and `problems` of the newest, which is said once. Where
 * no commit is good, the newest is all there is. One that was refused is a word of the repository: nothing goes by another.
 */
export function lookFrom(wired: FromGit): Look {
  const { deps } = wired;
  const told = new Set<string>();
  return async (asked) => {
    const newest = await runCycle(deps, looking(asked));
    const isSilent = newest.commit === null && newest.refused === null;
    const good = isSilent ? await atLastGood(wired, asked) : await inForce(wired, newest, asked);
    if (good === newest || good.plan === null) return newest;
    const name = newest.commit?.id ?? '';
    if (!told.has(name)) sayInForce('this goes', newest, good, deps.store);
    told.add(name);
    const { result, problems, fetchError, refused } = newest;
    return { ...good, result, problems, fetchError, refused };
  };
}

function looking(asked: CycleOptions['asked']): CycleOptions {
  return { dry: true, ...(asked === undefined ? {} : { asked }) };
}

function lastGoodSource({ deps: { source }, lastGood }: FromGit): Source {
  return {
    ...source,
    sync: async () => ({ commit: await lastGood(), error: null, fetched: false, refused: null }),
    load: async (commit) => withoutPruning(await source.load(commit)),
  };
}

function withoutPruning(loaded: LoadResult): LoadResult {
  if (!loaded.ok) return loaded;
  const keepAll = (each: DesiredState['resources'][number]) =>
    each.kind === 'backup' ? { ...each, retention: null } : each;
  return { ...loaded, state: { ...loaded.state, resources: loaded.state.resources.map(keepAll) } };
}

/** `what`: `this goes`, or `backups go`. */
export function sayInForce(what: string, newest: Cycle, good: Cycle, store: Store): void {
  if (good.commit === null) return;
  const tail = `${what} by ${good.commit.id.slice(0, 7)}, the last good commit`;
  note(`steward: ${whyStopped(newest, store)}; ${tail}`);
}

function whyStopped(newest: Cycle, store: Store): string {
  const { commit, fetchError } = newest;
  if (commit === null)
    return `the repository has given no commit yet${fetchError === null ? '' : ` (${fetchError})`}`;
  const why = newest.result === 'held' ? waits(newest, commit, store) : `is not valid${mistakes(newest)}`;
  return `${commit.id.slice(0, 7)} "${commit.subject}" ${why}`;
}

function waits({ desired }: Cycle, { id }: CommitInfo, store: Store): string {
  const reason = desired === null ? null : heldReason(desired, readInventory(store));
  const limit = reason === null ? '' : ` (${reason.field}: ${reason.from} → ${reason.to})`;
  return `is held${limit} until \`steward approve ${id.slice(0, 12)}\``;
}

function mistakes({ problems }: Cycle): string {
  const [first, ...others] = problems.filter(({ severity }) => severity === 'error');
  const more =
    others.length === 0
      ? ''
      : `, and ${others.length} more; steward plan names ${others.length === 1 ? 'it' : 'them'}`;
  return first === undefined ? '' : ` (${placeOf(first)}: ${first.message}${more})`;
}
