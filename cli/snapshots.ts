import { observeSnapshots } from '../observers/snapshots.ts';
import type { SnapshottedDataset } from '../observers/snapshots-parse.ts';
import type { ToolOptions } from '../reconciler/apply/tool.ts';
import {
  markProperties,
  type ServiceDatasets,
  servicesOf,
  strangerProblem,
} from '../reconciler/snapshots/by-hand.ts';
import { readInventory, readRestoring } from '../reconciler/state/inventory.ts';
import { openStore } from '../reconciler/state/store.ts';
import { nearest, UserError } from './errors.ts';
import { type Flags, readSettings } from './settings.ts';
import { note } from './terminal.ts';

/** What the commands about snapshots by hand have in common. They need the inventory, and no Git. */

export const toolOptions: ToolOptions = { commands: {}, timeoutMs: 120_000 };

export function stateDirOf(flags: Flags): string {
  return readSettings(flags).stateDir;
}

/** Every service that has a dataset. */
export function knownServices(flags: Flags): ServiceDatasets[] {
  const store = openStore(stateDirOf(flags));
  try {
    return servicesOf(readInventory(store).entries.values());
  } finally {
    store.close();
  }
}

/** Throws UserError: what a restore has kept may be the only copy, and its data is in nobody else's hands. */
export function requireNoRestore({ service }: ServiceDatasets, flags: Flags): void {
  const why = restoring(flags).get(service);
  if (why !== undefined) throw new UserError(`${service}: ${why}; nothing was done`);
}

/** Why nobody else may touch the data of a service, by service. */
export function restoring(flags: Flags): Map<string, string> {
  const store = openStore(stateDirOf(flags));
  try {
    return readRestoring(store);
  } finally {
    store.close();
  }
}

/** Throws UserError with the nearest name. */
export function serviceCalled(name: string, known: ServiceDatasets[]): ServiceDatasets {
  const found = known.find(({ service }) => service === name);
  if (found !== undefined) return found;
  const names = known.map(({ service }) => service);
  const hint = names.length === 0 ? '; no service was applied on this host yet' : nearest(name, names);
  throw new UserError(`no service ${name} has a dataset${hint}`);
}

/** Datasets as they are now, in the order of the services. Throws UserError where one is unknown or not ours. */
export async function look(services: ServiceDatasets[]): Promise<SnapshottedDataset[]> {
  const names = services.flatMap(({ datasets }) => datasets.map(({ name }) => name));
  const found = await observeSnapshots(names, markProperties, { timeoutMs: toolOptions.timeoutMs });
  if (!found.known) throw new UserError(`${found.error}; nothing was done`);
  const problem = strangerProblem(services, found.value);
  if (problem !== null) throw new UserError(problem);
  return found.value;
}

/** The same for a list: a dataset that is gone is said, and the others are shown. */
export async function lookAround(services: ServiceDatasets[]): Promise<SnapshottedDataset[]> {
  try {
    return await look(services);
  } catch (error) {
    const gone = /cannot open '([^']+)': dataset does not exist/.exec((error as Error).message)?.[1];
    if (!(error instanceof UserError) || gone === undefined) throw error;
    const left = services.map((each) => ({
      ...each,
      datasets: each.datasets.filter((d) => d.name !== gone),
    }));
    if (left.flatMap(({ datasets }) => datasets).length === services.flatMap((each) => each.datasets).length)
      throw error;
    note(`${gone} is gone; steward forget zfs-dataset:${gone}`);
    return lookAround(left);
  }
}
