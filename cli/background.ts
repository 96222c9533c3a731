import { type BackgroundDeps, backgroundGroups, runGroup } from '../reconciler/background.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import { takeLock } from '../reconciler/state/lock.ts';
import type { Change, Outcome } from '../reconciler/types.ts';
import { acquire } from './locked.ts';
import type { Settings } from './settings.ts';
import type { Wired } from './wire.ts';

/** How long a backup waits for a cycle to end before it stops a container. */
const waitForCycleMs = 30 * 60_000;

export function backgroundDeps(wired: Wired, settings: Settings, command: string): BackgroundDeps {
  const { store } = wired;
  const { executor, observer, clock, signal } = wired.deps;
  const { stateDir } = settings;
  return {
    store,
    executor,
    clock,
    tryLock: (name) => takeLock(stateDir, { command, sinceMs: clock.now() }, 0, name),
    holdCycles: () =>
      acquire({ stateDir, command, waitMs: waitForCycleMs, ...(signal === undefined ? {} : { signal }) }),
    look: () => observer.observeContainers(signal),
    ...(signal === undefined ? {} : { signal }),
  };
}

/**
 * Carries out everything of a cycle that is to be done beside it, some at a time. Each is planned anew right before
 * it begins: what was planned an hour ago may name containers that are gone.
 */
export async function runDue(
  cycle: Cycle,
  replan: () => Promise<Cycle>,
  deps: BackgroundDeps,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const tried = new Set<string>();
  const isFresh = (change: Change) => !tried.has(change.id);
  let current = cycle.outcomes.length === 0 || backgroundOf(cycle).length === 0 ? cycle : await replan();
  while (deps.signal?.aborted !== true) {
    const groups = backgroundOf(current).filter((group) => group.every(isFresh));
    const now = groups.slice(0, current.desired?.backupsAtOnce ?? 1);
    if (now.length === 0) break;
    for (const change of now.flat()) tried.add(change.id);
    const commit = current.commit?.id ?? '';
    outcomes.push(...(await Promise.all(now.map((group) => runGroup(group, commit, deps)))).flat());
    current = await replan();
  }
  return outcomes;
}

function backgroundOf({ plan }: Cycle): Change[][] {
  return plan === null || plan.held !== null ? [] : backgroundGroups(plan);
}
