import { leftOutBy } from '../../desired-state/excludes.ts';
import { isBelow } from '../../desired-state/files.ts';
import type { DesiredBackup, DesiredState } from '../../desired-state/types.ts';
import type { ObservedDataset, ObservedState } from '../../observers/types.ts';
import type { Backups } from '../state/backups.ts';

/**
 * What lies inside the data of a service and is no part of its backup: a snapshot of what is around it has an empty folder
 * in its place. Git cannot know of it, only the host. Pure.
 */

export interface Uncovered {
  /** A dataset, or what else is mounted. */
  source: string;
  mountpoint: string;
  /** When it was first seen there: archives from before may hold what was in its place. */
  sinceMs: number;
}

type Place = Omit<Uncovered, 'sinceMs'>;

interface Parts {
  desired: DesiredState;
  observed: ObservedState;
  inventory: { backups: Pick<Backups, 'uncovered'> };
  nowMs: number;
}

/** By service. As it is known where ZFS does not say. */
export function uncoveredIn({
  desired,
  observed: { zfs },
  inventory,
  nowMs,
}: Parts): ReadonlyMap<string, Uncovered[]> {
  const known = inventory.backups.uncovered;
  if (!zfs.known) return known;
  const suspended = new Set(desired.suspended);
  const backups = desired.resources.filter(
    (each): each is DesiredBackup => each.kind === 'backup' && !each.suspend && !suspended.has(each.service),
  );
  const declared = new Set(
    desired.resources.flatMap(({ kind, name }) => (kind === 'zfs-dataset' ? name : [])),
  );
  const places = Object.values(zfs.value.datasets).filter(({ name }) => !declared.has(name));
  const found = new Map<string, Uncovered[]>();
  for (const dataset of places) {
    const backup = backups.find((each) => isInside(dataset, each));
    if (backup === undefined || isLeftOut(dataset, backup)) continue;
    const place = { source: dataset.name, mountpoint: dataset.mountpoint };
    const sinceMs = known.get(backup.service)?.find(isAt(place))?.sinceMs ?? nowMs;
    found.set(backup.service, [...(found.get(backup.service) ?? []), { ...place, sinceMs }]);
  }
  return found;
}

function isAt(place: Place): (other: Place) => boolean {
  return ({ source, mountpoint }) => source === place.source && mountpoint === place.mountpoint;
}

/**
 * Also one that is not mounted now, such as one whose key is not loaded, but would be with the next start. At the very place
 * of another one it is that one which counts, unless it is hidden below this.
 */
function isInside(
  { mountpoint, mounted, properties }: ObservedDataset,
  { datasets }: DesiredBackup,
): boolean {
  const [root] = datasets;
  if (root === undefined || !isBelow(mountpoint, root.mountpoint)) return false;
  if (mounted) return true;
  const isElsewhere = datasets.every((each) => each.mountpoint !== mountpoint);
  return isElsewhere && (properties.canmount?.value ?? 'on') === 'on';
}

/** By Git, which so has a word on it. */
function isLeftOut(place: Pick<Place, 'mountpoint'>, backup: DesiredBackup): boolean {
  return leftOutBy(backup.excludes, below(place, backup)) !== null;
}

/** Relative to the service's own dataset. */
function below({ mountpoint }: Pick<Place, 'mountpoint'>, { datasets }: DesiredBackup): string {
  return mountpoint.slice((datasets[0]?.mountpoint ?? '').length + 1);
}

/** What it is, and what a person can do about it. */
export function uncoveredText(place: Place, backup: DesiredBackup): string {
  const { source, mountpoint } = place;
  const { service, datasets } = backup;
  const path = below(place, backup);
  const isChild = path !== '' && source === `${datasets[0]?.name}/${path}`;
  const remedy = isChild
    ? `declare ${path} in dataset.children of services/${service}/service.yaml`
    : `move its data into a dataset of ${service}`;
  const excludes = path === '' ? '' : `, or leave ${path} out with backup.excludes`;
  return `${source} at ${mountpoint} is inside the data of ${service} and in no archive of it: ${remedy}${excludes}; archives from before it was there are kept until then`;
}
