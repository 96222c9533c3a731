import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredState } from '../../desired-state/types.ts';
import { type Cycle, type CycleDeps, runCycle, type Source } from '../../reconciler/cycle.ts';
import { approve } from '../../reconciler/state/inventory.ts';
import { settle } from '../../reconciler/state/journal.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { type SimulatedHost, simulatedHost } from '../../simulator/host.ts';
import { resolveFromDesired } from '../../simulator/services.ts';
import type { Clock } from '../../tools/clock.ts';

/** A lab from the first commit on: simulated host, real state on disk, a clock of its own, process deaths. */
export interface LabRun {
  host: SimulatedHost;
  store: () => Store;
  /** Git has a new commit. */
  push(desired: DesiredState): void;
  cycle(options?: { dry?: boolean }): Promise<Cycle>;
  /** The process died: open the state again, settle the journal. */
  restart(): void;
  /** For a cycle whose Git is not as it should be. */
  deps(over: Partial<Source>): CycleDeps;
  later(ms: number): void;
  end(): void;
}

export function labRun(first: DesiredState, options: { pools?: string[] } = {}): LabRun {
  const stateDir = mkdtempSync(join(tmpdir(), 'steward-lab-run-'));
  let desired = first;
  let store = openFast(stateDir);
  const { clock, later } = leapingClock();
  const host = simulatedHost({
    now: clock.now,
    resolveStack: resolveFromDesired(() => desired),
    ...options,
  });
  const source: Source = {
    sync: async () => ({ commit: desired.commit, error: null, fetched: true }),
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
  return {
    host,
    store: () => store,
    push(next) {
      desired = next;
      approve(store, next.commit.id, clock.now());
    },
    cycle: ({ dry = false } = {}) => runCycle(deps(), { dry }),
    restart() {
      store.close();
      host.revive();
      store = openFast(stateDir);
      settle(store);
    },
    deps,
    later,
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
function leapingClock(): { clock: Clock; later(ms: number): void } {
  let nowMs = 1_700_000_000_000;
  const later = (ms: number) => {
    nowMs += ms;
  };
  return { later, clock: { now: () => nowMs, monotonic: () => nowMs, sleep: async (ms) => later(ms) } };
}
