import type { Cycle } from '../reconciler/cycle.ts';
import { lastCycle, recordCycle } from '../reconciler/state/cycles.ts';
import { readServices } from '../reconciler/state/inventory.ts';
import { settle } from '../reconciler/state/journal.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { Status } from './render/types.ts';
import { statusOf } from './status-of.ts';
import { note } from './terminal.ts';
import type { Wired } from './wire.ts';

/** What a crash left open is said before anything else is done. */
export function settleJournal(wired: Wired): void {
  for (const id of settle(wired.store))
    note(`steward: the last run ended in the middle of ${id}; it is looked at again`);
}

/** Records the cycle, and returns what `status` will say of it. */
export function keep(wired: Wired, cycle: Cycle): Status {
  const { lastCycle, ...detail } = statusOf(cycle, readServices(wired.store));
  const { at: atMs, durationMs, result } = lastCycle;
  recordCycle(wired.store, { atMs, durationMs, result, commit: cycle.commit?.id ?? null, detail });
  return { ...detail, lastCycle };
}

/** The status of the last cycle that was kept; null before the first. */
export function readKept(store: Store): Status | null {
  const row = lastCycle(store);
  if (row === null) return null;
  const { atMs: at, result, durationMs } = row;
  return { ...(row.detail as Omit<Status, 'lastCycle'>), lastCycle: { at, result, durationMs } };
}
