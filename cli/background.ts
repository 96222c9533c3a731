import { type BackgroundDeps, backgroundGroups } from '../reconciler/background.ts';
import type { Cycle, CycleDeps } from '../reconciler/cycle.ts';
import { takeLock } from '../reconciler/state/lock.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { Change, Outcome } from '../reconciler/types.ts';
import { Lane } from './lane.ts';
import { acquire } from './locked.ts';
import type { Settings } from './settings.ts';

/** How long a backup waits for a cycle to end before it stops a container, and a plan for one that has stopped some. */
export const waitForCycleMs = 30 * 60_000;

export interface WiredBeside {
  store: Store;
  deps: Pick<CycleDeps, 'executor' | 'observer' | 'clock' | 'signal'>;
}

export function backgroundDeps(
  wired: WiredBeside,
  settings: Pick<Settings, 'stateDir'>,
  command: string,
): BackgroundDeps {
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
 * Carries out everything of a cycle that is to be done beside it, as far as there is room for it at a time. What comes
 * after something else is planned anew right before it begins: what was planned an hour ago may name containers that
 * are gone.
 */
export async function runDue(
  cycle: Cycle,
  replan: () => Promise<Cycle>,
  deps: BackgroundDeps,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const errors: unknown[] = [];
  const isFresh = ({ id }: Change) => !outcomes.some(({ change }) => change.id === id);
  const lane = new Lane({
    background: deps,
    onDone: (done) => outcomes.push(...done),
    onError: (error) => errors.push(error),
  });
  const isOver = () => deps.signal?.aborted === true || errors.length > 0;
  try {
    let current = cycle.outcomes.length === 0 || isNothingDue(cycle) ? cycle : await replan();
    while (!isOver()) {
      lane.offer(current, isFresh);
      if (lane.isIdle) break;
      await lane.oneOver();
      if (!isOver()) current = await replan();
    }
  } finally {
    await lane.idle();
  }
  if (errors.length > 0) throw errors[0];
  return outcomes;
}

/** Nothing is to be done beside the cycles. */
export function isNothingDue({ plan }: Cycle): boolean {
  return plan === null || backgroundGroups(plan).length === 0;
}
