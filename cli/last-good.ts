import type { CommitInfo, DesiredState, LoadResult } from '../desired-state/types.ts';
import { type Cycle, type CycleOptions, runCycle, type Source } from '../reconciler/cycle.ts';
import { placeOf } from './render/reason.ts';
import { note } from './terminal.ts';
import type { Wired } from './wire.ts';

/** Git and the host as a command sees them that changes nothing of what Git declares. See `lookFrom`. */
export type Look = (asked?: CycleOptions['asked']) => Promise<Cycle>;

/**
 * A mistake in the newest commit, of whatever service, must not block the way back: the last good one is looked at
 * instead, with `result` and `problems` of the newest, and that is said once. Where there is none, the newest is all
 * there is.
 */
export function lookFrom(wired: Pick<Wired, 'deps' | 'lastGood'>): Look {
  const { deps } = wired;
  const told = new Set<string>();
  return async (asked) => {
    const options = { dry: true, ...(asked === undefined ? {} : { asked }) };
    const newest = await runCycle(deps, options);
    if (newest.result !== 'bad-commit' || newest.commit === null) return newest;
    const good = await runCycle({ ...deps, source: lastGoodSource(wired) }, options);
    if (good.desired === null || good.commit === null) return newest;
    if (!told.has(newest.commit.id)) note(warning(newest, newest.commit, good.commit));
    told.add(newest.commit.id);
    const { result, problems, fetchError, refused } = newest;
    return { ...good, result, problems, fetchError, refused };
  };
}

function lastGoodSource({ deps: { source }, lastGood }: Pick<Wired, 'deps' | 'lastGood'>): Source {
  return {
    ...source,
    sync: async () => ({ commit: await lastGood(), error: null, fetched: false, refused: null }),
    load: async (commit) => withoutPruning(await source.load(commit)),
  };
}

/** How long archives are kept may be what the newest commit is about. */
function withoutPruning(loaded: LoadResult): LoadResult {
  if (!loaded.ok) return loaded;
  const keepAll = (each: DesiredState['resources'][number]) =>
    each.kind === 'backup' ? { ...each, retention: null } : each;
  return { ...loaded, state: { ...loaded.state, resources: loaded.state.resources.map(keepAll) } };
}

function warning({ problems }: Cycle, bad: CommitInfo, good: CommitInfo): string {
  const [first, ...others] = problems.filter(({ severity }) => severity === 'error');
  const more =
    others.length === 0
      ? ''
      : `, and ${others.length} more; steward plan names ${others.length === 1 ? 'it' : 'them'}`;
  const mistake = first === undefined ? '' : ` (${placeOf(first)}: ${first.message}${more})`;
  return `steward: ${bad.id.slice(0, 7)} "${bad.subject}" is not valid${mistake}; this goes by ${good.id.slice(0, 7)}, the last good commit`;
}
