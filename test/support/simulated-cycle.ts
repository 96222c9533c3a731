import type { DesiredState } from '../../desired-state/types.ts';
import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import type { Store } from '../../reconciler/state/store.ts';
import type { SimulatedHost } from '../../simulator/host.ts';
import { type ResolveStack, resolveFromDesired } from '../../simulator/services.ts';
import type { Clock } from '../../tools/clock.ts';

/** Sleeping takes no time and moves the clock. */
export function virtualClock(startMs = 1_700_000_000_000): Clock & { advance(ms: number): void } {
  let at = startMs;
  return {
    now: () => at,
    monotonic: () => at,
    sleep: async (ms) => {
      at += ms;
    },
    advance(ms) {
      at += ms;
    },
  };
}

/** A commit that can be exchanged: what compose would read on this host at the moment of a step. */
export interface Checkout {
  current: DesiredState;
  resolveStack: ResolveStack;
}

export function checkout(current: DesiredState): Checkout {
  const self: Checkout = { current, resolveStack: resolveFromDesired(() => self.current) };
  return self;
}

/** One real cycle on a simulated host, with the desired state handed in where Git would be asked. */
export function cycleOn(
  host: SimulatedHost,
  lab: DesiredState,
  deps: { store: Store; clock: Clock; dry?: boolean },
): Promise<Cycle> {
  const { store, clock } = deps;
  const source = {
    sync: async () => ({ commit: lab.commit, error: null, fetched: true }),
    load: async () => ({ ok: true as const, state: lab }),
    hashes: async <T>(stacks: T) => stacks,
    promote: async () => {},
  };
  const { observer, executor } = host;
  return runCycle({ source, observer, executor, store, clock }, { dry: deps.dry ?? false });
}
