import type { ObservedState } from '../observers/types.ts';
import { ToolError } from '../tools/run.ts';
import { StepError } from './apply/types.ts';
import type { Made } from './kinds/stack/made.ts';
import { type KeptMade, settledMaking } from './kinds/stack/making.ts';
import type { Planned } from './plan.ts';
import { type Inventory, type InventoryEntry, writeEntries } from './state/inventory.ts';
import type { Store } from './state/store.ts';
import type { Change } from './types.ts';
import { containersByProject } from './world.ts';

/**
 * From what compose makes containers, kept at the moment when it does: a container that does not become healthy was made
 * all the same, and is not made anew for it; one whose making was cut off may be the old one or the new one.
 */

type Making = [store: Store, change: Change, at: number, planned: Planned, inventory: Inventory];

/** Before a step. In one transaction with the step's announcement. */
export function recordMaking(...making: Making): void {
  const [, change, , planned] = making;
  record(making, (name, { made, making: tries }) => {
    const [ids, before, to] = [change.makes?.[name] ?? [], made[name], madeIn(planned, change)[name] ?? {}];
    const attempt = { ids, to, ...(before === undefined ? {} : { before }) };
    return { made: { ...made, [name]: null }, making: { ...tries, [name]: attempt } };
  });
}

/** After it was done. */
export function recordMade(...making: Making): void {
  const [, change, , planned] = making;
  record(making, (name, { made, making: { [name]: _over, ...others } }) => {
    return { made: { ...made, [name]: madeIn(planned, change)[name] ?? null }, making: others };
  });
}

/** After it failed. Where compose has not ended by itself, it may be at work still. */
export function recordUnmade(error: unknown, ...making: Making): void {
  if (!(error instanceof StepError) || error.cause instanceof ToolError) return;
  record(making, (name, { made, making: { [name]: attempt, ...others } }) => {
    const failed = attempt === undefined ? {} : { [name]: { ...attempt, failed: true as const } };
    return { made, making: { ...others, ...failed } };
  });
}

/** What the containers tell of attempts that have failed is known from then on. Gives what is to be kept of it. */
export function settleMade({ entries }: Inventory, { docker }: ObservedState): InventoryEntry[] {
  if (!docker.known) return [];
  const containers = containersByProject(docker.value.containers);
  const settled = [...entries.values()].flatMap((entry) => {
    const kept = entry.data.making === undefined ? null : keptOf(entry);
    const known = kept === null ? null : settledMaking(kept, containers.get(entry.name) ?? []);
    return known === null ? [] : [withMade(entry, known)];
  });
  for (const entry of settled) entries.set(entry.id, entry);
  return settled;
}

function madeIn({ data }: Planned, { id }: Change): Made {
  return (data.get(id)?.made ?? {}) as Made;
}

function namesIn({ makes = {}, steps }: Change, at: number): string[] {
  const step = steps[at];
  if (step?.op !== 'compose-up') return [];
  return Object.keys(makes).filter((name) => step.services.length === 0 || step.services.includes(name));
}

function record(
  [store, change, at, planned, inventory]: Making,
  edit: (name: string, kept: KeptMade) => KeptMade,
): void {
  const names = namesIn(change, at);
  if (names.length === 0) return;
  const entry = inventory.entries.get(change.id) ?? newEntry(change, planned.plan.commit.id);
  const kept = names.reduce((before, name) => edit(name, before), keptOf(entry));
  const next = withMade(entry, kept);
  inventory.entries.set(change.id, next);
  writeEntries(store, [next], []);
}

function keptOf({ data: { made = {}, making = {} } }: InventoryEntry): KeptMade {
  return { made, making } as KeptMade;
}

/** A Steward from before reads `made` alone. */
function withMade(entry: InventoryEntry, { made, making }: KeptMade): InventoryEntry {
  const { making: _before, ...data } = entry.data;
  const tries = Object.keys(making).length === 0 ? {} : { making };
  return { ...entry, data: { ...data, made, ...tries } };
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
