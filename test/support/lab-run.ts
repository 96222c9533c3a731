import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredState } from '../../desired-state/types.ts';
import { type BackgroundDeps, backgroundGroups, runGroup } from '../../reconciler/background.ts';
import {
  type Cycle,
  type CycleDeps,
  type CycleOptions,
  runCycle,
  type Source,
} from '../../reconciler/cycle.ts';
import { type Settled, settleRuns } from '../../reconciler/settle-undo.ts';
import { approve } from '../../reconciler/state/inventory.ts';
import { settle } from '../../reconciler/state/journal.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import type { Outcome } from '../../reconciler/types.ts';
import { type SimulatedHost, type SimulatedHostOptions, simulatedHost } from '../../simulator/host.ts';
import { resolveFromDesired } from '../../simulator/services.ts';
import type { Clock } from '../../tools/clock.ts';

/** A lab from the first commit on: simulated host, real state on disk, a clock of its own, process deaths. */
export interface LabRun {
  host: SimulatedHost;
  store: () => Store;
  /** Git has a new commit. */
  push(desired: DesiredState): void;
  cycle(options?: Partial<CycleOptions>): Promise<Cycle>;
  now(): number;
  /** Everything that the cycle's plan has for beside it; resolves like a process that may die: see `host.crashed`. */
  beside(cycle: Cycle, over?: Partial<BackgroundDeps>): Promise<Outcome[]>;
  /** What changes beside the cycles are carried out with. */
  besides(): BackgroundDeps;
  /** The process died: open the state again, settle the journal. */
  restart(): void;
  /** What dead runs have left is put right. */
  settleRuns(): Promise<Settled[]>;
  /** For a cycle whose Git is not as it should be. */
  deps(over: Partial<Source>): CycleDeps;
  later(ms: number): void;
  /** Somebody sets the clock, forwards or backwards: no time goes by. */
  turnClock(ms: number): void;
  end(): void;
}

export function labRun(
  first: DesiredState,
  options: Pick<SimulatedHostOptions, 'pools' | 'usernsBase' | 'system'> = {},
): LabRun {
  const stateDir = mkdtempSync(join(tmpdir(), 'steward-lab-run-'));
  let desired = first;
  let store = openFast(stateDir);
  const { clock, later, turnClock } = leapingClock();
  const host = simulatedHost({
    now: clock.now,
    resolveStack: resolveFromDesired(() => desired),
    ...options,
  });
  const source: Source = {
    sync: async () => ({ commit: desired.commit, error: null, fetched: true, refused: null }),
    load: async () => ({ ok: true, state: desired }),
    hashes: async (stacks) => stacks,
    learn: async () => {},
    promote: async () => {},
  };
  const deps = (over: Partial<Source> = {}): CycleDeps => ({
    source: { ...source, ...over },
    observer: host.observer,
    executor: host.executor,
    store,
    clock,
  });
  const tryLock = () => ({ release() {} });
  const besides: Omit<BackgroundDeps, 'store'> = {
    executor: host.executor,
    clock,
    tryLock: () => ({ ok: true, lock: { release() {} } }),
    holdCycles: async () => ({ release() {} }),
    look: () => host.observer.observeContainers(),
  };
  return {
    host,
    store: () => store,
    push(next) {
      desired = next;
      approve(store, next.commit.id, clock.now());
    },
    cycle: (options = {}) => runCycle(deps(), { dry: false, ...options }),
    now: clock.now,
    async beside(cycle, over = {}) {
      const { commit, plan } = cycle;
      if (commit === null || plan === null) return [];
      const outcomes = [];
      for (const group of backgroundGroups(plan))
        outcomes.push(...(await runGroup(group, commit.id, { ...besides, store, ...over })));
      return outcomes;
    },
    besides: () => ({ ...besides, store }),
    settleRuns: () => settleRuns({ store, executor: host.executor, nowMs: clock.now(), tryLock }),
    restart() {
      store.close();
      host.revive();
      store = openFast(stateDir);
      settle(store);
    },
    deps,
    later,
    turnClock,
    end() {
      store.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** No power cut in here, and dozens of syncs a run otherwise. */
function openFast(stateDir: string): Store {
  const store = openStore(stateDir);
  store.db.exec('PRAGMA synchronous = OFF');
  return store;
}

/** Sleeping takes no time: it moves the clock. */
function leapingClock(): { clock: Clock; later(ms: number): void; turnClock(ms: number): void } {
  const bornMs = 1_700_000_000_000;
  let aheadMs = 0;
  let goneMs = 0;
  const later = (ms: number) => {
    goneMs += ms;
  };
  const turnClock = (ms: number) => {
    aheadMs += ms;
  };
  const clock: Clock = {
    now: () => bornMs + goneMs + aheadMs,
    monotonic: () => goneMs,
    sleep: async (ms) => later(ms),
  };
  return { later, turnClock, clock };
}
