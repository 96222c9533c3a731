import type { Made } from './kinds/stack/made.ts';
import type { Planned } from './plan.ts';
import { type Inventory, type InventoryEntry, writeEntries } from './state/inventory.ts';
import type { Store } from './state/store.ts';
import type { Change } from './types.ts';

/**
 * From what compose makes containers, kept at the moment when it does: a container that does not become healthy was made
 * all the same, and is not made anew for it; one whose making was cut off may be the old one or the new one.
 */

type Making = [store: Store, change: Change, at: number, planned: Planned, inventory: Inventory];

/** Before a step. In one transaction with the step's announcement. */
export function recordMaking(...making: Making): void {
  record(making, () => null);
}

/** After it was done. */
export function recordMade(...making: Making): void {
  const [, change, , planned] = making;
  const made = (planned.data.get(change.id)?.made ?? {}) as Made;
  record(making, (name) => made[name] ?? null);
}

function namesIn({ makes = [], steps }: Change, at: number): string[] {
  const step = steps[at];
  if (step?.op !== 'compose-up') return [];
  return makes.filter((name) => step.services.length === 0 || step.services.includes(name));
}

function record(
  [store, change, at, planned, inventory]: Making,
  from: (name: string) => Made[string] | null,
): void {
  const names = namesIn(change, at);
  if (names.length === 0) return;
  const more = Object.fromEntries(names.map((name) => [name, from(name)]));
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
