import type { DesiredDataset } from '../../desired-state/types.ts';
import type { ObservedDataset, ObservedZfs } from '../../observers/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { ownershipProperty, type Reason, type Step } from '../types.ts';
import { blocked, quietChange, report, type Verdict, type World } from '../world.ts';

/** Datasets are created, mounted and given their properties; none is ever destroyed, renamed or moved. */

export function diff(desired: DesiredDataset, world: World): Verdict {
  const { zfs } = world.observed;
  if (!zfs.known) return blocked(desired, 'unknown', zfs.error);
  const pool = desired.name.split('/')[0] ?? desired.name;
  if (!zfs.value.pools.includes(pool)) {
    const note = `pool ${pool} is not imported (zpool import ${pool}); nothing is written below its mountpoints`;
    return blocked(desired, 'waiting', note);
  }
  const found = zfs.value.datasets[desired.name];
  if (found === undefined) {
    const entry = isRecovered(desired, world) ? undefined : world.inventory.entries.get(desired.id);
    const leaving = leavingDatasets(desired.name, zfs.value, world);
    return missing(desired, entry, mayBeRecovered(desired, world), leaving);
  }
  return conflict(desired, found) ?? drift(desired, found, world.inventory.entries.get(desired.id));
}

/** Somebody knows that it is gone, and has its data put into the new one. */
function isRecovered({ service }: DesiredDataset, { inventory: { recovering } }: World): boolean {
  return service === null ? recovering.size > 0 : recovering.has(service);
}

/** With it all datasets of the service are gone, or of all services: of one that holds data still, nothing is recovered. */
function mayBeRecovered({ service, name }: DesiredDataset, { desired: { resources } }: World): boolean {
  return resources.some(
    (each) => each.kind === 'backup' && (service === null || each.datasets[0]?.name === name),
  );
}

/** What the same commit takes out of Git may be what this is meant to be. Of those below others nothing is said. */
function leavingDatasets(name: string, { datasets }: ObservedZfs, { inventory, byId }: World): string[] {
  if (!Object.hasOwn(datasets, parentOf(name))) return [];
  const leaving = [...inventory.entries.values()]
    .filter(
      ({ kind, id, orphanedSince }) => kind === 'zfs-dataset' && !byId.has(id) && orphanedSince === null,
    )
    .map((entry) => entry.name)
    .filter((each) => Object.hasOwn(datasets, each));
  return leaving.filter((each) => !leaving.includes(parentOf(each))).sort();
}

function parentOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** Nothing is renamed by itself: which of them is meant, only a person knows. */
function renameNote(leaving: string[]): string {
  if (leaving.length === 0) return '';
  const are = leaving.length === 1 ? 'is' : 'are';
  const whose = leaving.length === 1 ? 'its' : 'one’s';
  return `new and empty; ${leaving.join(', ')} ${are} orphaned by the same commit: if this is ${whose} new name, zfs rename comes first (docs: rename a service)`;
}

/** A dataset that once was there and is gone may have held photos: an empty one in its place would hide the loss. */
function missing(
  desired: DesiredDataset,
  entry: InventoryEntry | undefined,
  archived: boolean,
  leaving: string[],
): Verdict {
  const guid = entry?.data.guid;
  if (typeof guid === 'string') {
    const back = archived ? ', run `steward recover` to have its data brought back from its archives' : '';
    const note = `it was there (guid ${guid}) and is gone: destroyed or renamed by someone else. Bring it back${back}, or run \`steward forget ${desired.id}\` to have an empty one made`;
    return blocked(desired, 'conflict', note);
  }
  const step: Step = {
    op: 'zfs-create',
    dataset: desired.name,
    // Children inherit their mountpoint; only the lab's parent is put where lab.yaml says.
    properties: desired.setsMountpoint
      ? { mountpoint: desired.mountpoint, ...desired.properties }
      : desired.properties,
    mountpoint: desired.mountpoint,
  };
  const change = quietChange(desired, 'create', {
    summary: [describe(desired.properties), renameNote(leaving)].filter(Boolean).join('; ') || 'new',
    reasons: [{ field: 'dataset', from: null, to: desired.name, origin: desired.origin }],
    steps: [step],
    needs: desired.needs,
  });
  return { state: 'change', change, data: dataOf(desired, null) };
}

function conflict(desired: DesiredDataset, found: ObservedDataset): Verdict | null {
  if (found.properties.canmount?.value === 'off') {
    return blocked(
      desired,
      'conflict',
      `canmount=off, so it has no files; zfs set canmount=on ${desired.name}`,
    );
  }
  if (found.mountpoint === desired.mountpoint) return null;
  const note = `its mountpoint is ${found.mountpoint}, Git expects ${desired.mountpoint}; moving data is yours to do: zfs set mountpoint=${desired.mountpoint} ${desired.name}, or change storage.mountpoint in lab.yaml`;
  return blocked(desired, 'conflict', note);
}

function drift(desired: DesiredDataset, found: ObservedDataset, entry: InventoryEntry | undefined): Verdict {
  const others = [
    ...propertyDrift(desired, found),
    ...abandoned(desired, found, entry),
    ...mounting(desired, found),
  ];
  const parts = [...ownership(desired, found, others.length === 0), ...others];
  const data = dataOf(desired, found.guid);
  if (parts.length === 0) return { state: 'in-sync', data };
  const change = quietChange(desired, 'update', {
    summary: parts.map((part) => part.summary).join(', '),
    reasons: parts.map((part) => part.reason),
    steps: parts.map((part) => part.step),
    needs: desired.needs,
  });
  return { state: 'change', change, data };
}

interface Part {
  summary: string;
  reason: Reason;
  step: Step;
}

/** Value and source: an equal value that is inherited would change with its parent. */
function propertyDrift(desired: DesiredDataset, found: ObservedDataset): Part[] {
  return Object.entries(desired.properties).flatMap(([property, value]): Part[] => {
    const now = found.properties[property];
    if (now?.value === value && now.source === 'local') return [];
    const shown = sized(value);
    const from =
      now === undefined ? null : `${sized(now.value)}${now.source === 'local' ? '' : ` (${now.source})`}`;
    const origin = desired.propertyOrigins[property] ?? desired.origin;
    const reason = { field: property, from, to: shown, origin };
    const step: Step = { op: 'zfs-set', dataset: desired.name, property, value };
    return [{ summary: `${property}=${shown}`, reason, step }];
  });
}

/** Properties that Steward once set for Git and that Git no longer declares go back to what they inherit. */
function abandoned(
  desired: DesiredDataset,
  found: ObservedDataset,
  entry: InventoryEntry | undefined,
): Part[] {
  const before = Array.isArray(entry?.data.properties) ? (entry.data.properties as string[]) : [];
  return before
    .filter((property) => !(property in desired.properties) && found.properties[property]?.source === 'local')
    .map((property) => ({
      summary: `${property} inherited`,
      reason: {
        field: property,
        from: sized(found.properties[property]?.value ?? ''),
        to: 'inherited',
        note: 'no longer declared',
        origin: desired.origin,
      },
      step: { op: 'zfs-inherit', dataset: desired.name, property },
    }));
}

const adoption = 'it was there before; nothing in it is touched';

function ownership(desired: DesiredDataset, found: ObservedDataset, isAll: boolean): Part[] {
  const instant = found.properties[ownershipProperty];
  if (instant?.value === found.guid && instant.source === 'local') return [];
  return [
    {
      summary: isAll ? `adopted: ${adoption}` : 'adopted',
      reason: { field: ownershipProperty, from: null, to: found.guid, note: adoption },
      step: { op: 'zfs-set', dataset: desired.name, property: ownershipProperty, value: found.guid },
    },
  ];
}

function mounting(desired: DesiredDataset, found: ObservedDataset): Part[] {
  if (found.mounted) return [];
  return [
    {
      summary: 'mount',
      reason: { field: 'mounted', from: 'no', to: desired.mountpoint, origin: desired.origin },
      step: { op: 'zfs-mount', dataset: desired.name, mountpoint: desired.mountpoint },
    },
  ];
}

function dataOf(desired: DesiredDataset, guid: string | null): Record<string, unknown> {
  const properties = Object.keys(desired.properties).sort();
  return guid === null ? { properties } : { guid, properties };
}

function describe(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${sized(value)}`)
    .join(', ');
}

/** Bytes as ZFS itself prints them where that loses nothing: 16384 is 16K. */
function sized(value: string): string {
  if (!/^[1-9]\d*$/.test(value)) return value;
  let [size, unit] = [Number(value), 0];
  while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size}${units[unit]}`;
}

const units = ['', 'K', 'M', 'G', 'T', 'P'];

/** Law 3: data stays. */
export function prune(entry: InventoryEntry, world: World): Verdict {
  const { zfs } = world.observed;
  const [pool = ''] = entry.name.split('/');
  // Of a pool that is not imported nobody knows what is in it.
  if (zfs.known && zfs.value.pools.includes(pool) && zfs.value.datasets[entry.name] === undefined)
    return { state: 'gone' };
  const since = entry.orphanedSince ?? world.desired.commit.id;
  return report(entry, 'orphaned', `orphaned since ${since.slice(0, 7)}; data kept`);
}
