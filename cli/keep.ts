import type { Cycle } from '../reconciler/cycle.ts';
import { recordCycle } from '../reconciler/state/cycles.ts';
import { readInventory } from '../reconciler/state/inventory.ts';
import { settle } from '../reconciler/state/journal.ts';
import { statusOf, total } from './status-of.ts';
import { note } from './terminal.ts';
import type { Wired } from './wire.ts';

/** What a crash left open is said before anything else is done. */
export function settleJournal(wired: Wired): void {
  for (const id of settle(wired.store))
    note(`steward: the last run ended in the middle of ${id}; it is looked at again`);
}

export function keep(wired: Wired, cycle: Cycle): void {
  const detail = statusOf(cycle, readInventory(wired.store));
  const { atMs, result, commit } = cycle;
  recordCycle(wired.store, { atMs, result, commit: commit?.id ?? null, durationMs: total(cycle), detail });
}
