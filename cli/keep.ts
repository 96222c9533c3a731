import type { Cycle } from '../reconciler/cycle.ts';
import { recordCycle } from '../reconciler/state/cycles.ts';
import { readServices } from '../reconciler/state/inventory.ts';
import { settle } from '../reconciler/state/journal.ts';
import type { Status } from './render/types.ts';
import { statusOf, total } from './status-of.ts';
import { note } from './terminal.ts';
import type { Wired } from './wire.ts';

/** What a crash left open is said before anything else is done. */
export function settleJournal(wired: Wired): void {
  for (const id of settle(wired.store))
    note(`steward: the last run ended in the middle of ${id}; it is looked at again`);
}

/** Records the cycle, and returns what `status` will say of it. */
export function keep(wired: Wired, cycle: Cycle): Status {
  const detail = statusOf(cycle, readServices(wired.store));
  const { atMs, result, commit } = cycle;
  recordCycle(wired.store, { atMs, result, commit: commit?.id ?? null, durationMs: total(cycle), detail });
  return detail;
}
