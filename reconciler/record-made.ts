import type { Made } from './kinds/stack/made.ts';
import type { Planned } from './plan.ts';
import { type Inventory, type InventoryEntry, writeEntries } from './state/inventory.ts';
import type { Store } from './state/store.ts';
import type { Change } from './types.ts';

/**
 * From what compose makes containers, kept at the moment when it does: a container that does not become healthy was made
 * all the same, and is not made anew for it; one whose making was cut off may be the old one or the new one.
 */

/** Before a step. In one transaction with the step's announcement. */
export function recordMaking(
  store: Store,
  change: Change,
  at: number,
  planned: Planned,
  inventory: Inventory,
): void {
  const pairs = namesIn(change, at).map((name) => [name, null] as const);
  record(store, change, Object.fromEntries(pairs), planned, inventory);
}

/** After it was done. */
export function recordMade(
  store: Store,
  change: Change,
  at: number,
  planned: Planned,
  inventory: Inventory,
): void {
  const made = (planned.data.get(change.id)?.made ?? {}) as Made;
  const pairs = namesIn(change, at).map((name) => [name, made[name] ?? null] as const);
  record(store, change, Object.fromEntries(pairs), planned, inventory);
}

function namesIn({ makes = [], steps }: Change, at: number): string[] {
  const step = steps[at];
  if (step?.op !== 'compose-up') return [];
  return makes.filter((name) => step.services.length === 0 || step.services.includes(name));
}

function record(store: Store, change: Change, more: Made, planned: Planned, inventory: Inventory): void {
  if (Object.keys(more).length === 0) return;
  const entry = inventory.entries.get(change.id) ?? newEntry(change, planned.plan.commit.id);
  const made = { ...(entry.data.made as Made | undefined), ...more };
  const next = { ...entry, data: { ...entry.data, made } };
  inventory.entries.set(change.id, next);
  writeEntries(store, [next], []);
}

/** Not applied yet: it says nothing but what it was made from. */
function newEntry({ id, kind, name, service }: Change, commit: string): InventoryEntry {
  return {
    id,
    kind,
    name,
    service,
    ownedSince: commit,
    appliedCommit: commit,
    orphanedSince: null,
    data: {},
  };
}
