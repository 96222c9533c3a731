import type { ObservedSnapshot, SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { isRestoreRun } from '../restore/names.ts';
import type { InventoryEntry } from '../state/inventory.ts';

/** Snapshots that a person takes: which datasets belong to a service, what a tag may be, whose a snapshot is. Pure. */

/**
 * User property of a snapshot by hand: the guids of all datasets of the call that took it, set locally. One call gives
 * all its snapshots the same properties, hence all guids. A name proves nothing, and an inherited or received property
 * is of something else.
 */
export const byHandProperty = 'steward:snapshot';
/** Of a snapshot that a backup reads: the run. */
export const runProperty = 'steward:run';
export const markProperties = [byHandProperty, runProperty];

export interface ServiceDatasets {
  service: string;
  /** Parents before children. `guid` as Steward knows it; null where it has not looked since the creation. */
  datasets: { name: string; guid: string | null }[];
  /** Git declares it no more; its data is kept. */
  orphaned: boolean;
}

/** The services that have datasets, by name. */
export function servicesOf(entries: Iterable<InventoryEntry>): ServiceDatasets[] {
  const services = new Map<string, ServiceDatasets>();
  const own = [...entries].filter(({ kind }) => kind === 'zfs-dataset').sort(byName);
  for (const { service, name, data, orphanedSince } of own) {
    if (service === null) continue;
    const known = services.get(service) ?? { service, datasets: [], orphaned: true };
    services.set(service, known);
    known.datasets.push({ name, guid: typeof data.guid === 'string' ? data.guid : null });
    known.orphaned &&= orphanedSince !== null;
  }
  return [...services.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** A sentence where this cannot be the tag of a snapshot by hand; null where it can. */
export function tagProblem(tag: string): string | null {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/.test(tag))
    return `${JSON.stringify(tag)} cannot be a tag: letters, digits and . _ : - only, the first a letter or digit`;
  if (tag.startsWith('steward-')) return `${tag}: tags that begin with steward- are those of backups`;
  // The whole name, with @, must fit into 255 bytes; no dataset of a home server comes near the other half.
  return tag.length > 100 ? `a tag has at most 100 characters, this one has ${tag.length}` : null;
}

/** `restore`: kept so that a restore can be undone. */
export type Whose = 'by-hand' | 'backup' | 'restore' | 'other';

/** Who made the snapshot of the dataset with this guid. */
export function whose(snapshot: ObservedSnapshot, datasetGuid: string): Whose {
  const mark = snapshot.marks[byHandProperty];
  if (mark?.source === 'local' && mark.value.split(',').includes(datasetGuid)) return 'by-hand';
  const run = snapshot.marks[runProperty];
  if (run?.source !== 'local') return 'other';
  return isRestoreRun(run.value) ? 'restore' : 'backup';
}

/** The tag of a snapshot's full name. */
export function tagOf(snapshot: string): string {
  return snapshot.slice(snapshot.indexOf('@') + 1);
}

/** The dataset's snapshot of this tag. */
export function taggedOf(dataset: SnapshottedDataset, tag: string): ObservedSnapshot | undefined {
  return dataset.snapshots.find(({ name }) => name === `${dataset.name}@${tag}`);
}

/** A sentence where a dataset is not the one that the inventory knows; null where all are. */
export function strangerProblem(services: ServiceDatasets[], found: SnapshottedDataset[]): string | null {
  const guids = new Map(found.map(({ name, guid }) => [name, guid]));
  for (const { name, guid } of services.flatMap(({ datasets }) => datasets)) {
    const now = guids.get(name);
    if (now === undefined) return `there is no dataset ${name}; nothing was done`;
    if (guid !== null && guid !== now)
      return `${name} is not the dataset that Steward knows (guid ${now}, not ${guid}); nothing was done`;
  }
  return null;
}
