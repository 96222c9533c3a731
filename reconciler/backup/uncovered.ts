import { leftOutBy } from '../../desired-state/excludes.ts';
import { isBelow } from '../../desired-state/files.ts';
import type { DesiredBackup, DesiredState } from '../../desired-state/types.ts';
import type { ObservedDataset, ObservedMount, ObservedState } from '../../observers/types.ts';
import type { Backups } from '../state/backups.ts';
import { parseArchiveName } from './names.ts';

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
  inventory: { backups: Pick<Backups, 'uncovered' | keyof Archived> };
  nowMs: number;
}

/** By service. As it is known where ZFS or the kernel does not say. */
export function uncoveredIn({
  desired,
  observed: { zfs, mounts },
  inventory,
  nowMs,
}: Parts): ReadonlyMap<string, Uncovered[]> {
  const known = inventory.backups.uncovered;
  if (!zfs.known || !mounts.known) return known;
  const suspended = new Set(desired.suspended);
  const backups = desired.resources.filter(
    (each): each is DesiredBackup => each.kind === 'backup' && !each.suspend && !suspended.has(each.service),
  );
  const found = new Map<string, Uncovered[]>();
  for (const candidate of strangers(desired, Object.values(zfs.value.datasets), mounts.value)) {
    const backup = backups.find((each) => isInside(candidate, each));
    if (backup === undefined || isLeftOut(candidate, backup)) continue;
    const { source, mountpoint } = candidate;
    const knownMs = known.get(backup.service)?.find(isAt(candidate))?.sinceMs ?? notYet;
    const sinceMs = Math.min(knownMs, seenNowMs(backup, inventory.backups, nowMs));
    found.set(backup.service, [...(found.get(backup.service) ?? []), { source, mountpoint, sinceMs }]);
  }
  return found;
}

/** What tells which archives there are. */
type Archived = Pick<Backups, 'services' | 'repositories' | 'archives'>;

/** Until the archives are known there is none that may be from afterwards. */
const notYet = Number.MAX_SAFE_INTEGER;

/**
 * From when on archives are without what is seen just now. No clock says so alone: one that is behind, as after a start
 * without a battery, would date it before archives that were there already. So these count too, and a time that a clock
 * which was ahead has left comes down to the same. An archive that is being made is known at the end of its run, and one
 * whose maker was cut off from the next listing on.
 */
function seenNowMs(
  { service, repository: { location } }: DesiredBackup,
  { services, repositories, archives }: Archived,
  nowMs: number,
): number {
  const isRunning = (services.get(service)?.runningSinceMs ?? null) !== null;
  if (isRunning || repositories.get(location)?.inDoubt !== false) return notYet;
  const own = (archives.get(location) ?? []).map(({ name }) => parseArchiveName(service, name) ?? 0);
  return own.reduce((latest, atMs) => Math.max(latest, atMs + 1), nowMs);
}

/** What may be in no archive. */
interface Candidate extends Place {
  isMounted: boolean;
}

/**
 * Datasets that Git does not declare, and whatever else is mounted, in order. Where a declared one is mounted besides, its
 * data is in the archive of its own service.
 */
function strangers(
  { resources }: DesiredState,
  datasets: ObservedDataset[],
  mounts: ObservedMount[],
): Candidate[] {
  const declared = new Set(resources.flatMap(({ kind, name }) => (kind === 'zfs-dataset' ? name : [])));
  const candidates = [
    ...mounts.filter(mayHoldData).map((mount) => ({ ...mount, isMounted: true })),
    ...datasets.filter(isToBeMounted).map(({ name, mountpoint, mounted }) => ({
      ...{ source: name, mountpoint, isMounted: mounted },
    })),
  ];
  const byPlace = new Map(
    candidates
      .filter(({ source }) => !declared.has(source))
      .map(({ source, mountpoint, isMounted }) => [
        `${mountpoint} ${source}`,
        { source, mountpoint, isMounted },
      ]),
  );
  return [...byPlace].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate);
}

/** What ends with the next start, or stands for files that are elsewhere. An archive that somebody looks at is one. */
const fleeting =
  /^(tmpfs|ramfs|devtmpfs|devpts|proc|sysfs|cgroup2?|mqueue|nsfs|autofs|overlay|fuse\.fuse-overlayfs)$/;

/** Snapshots that somebody looks at are mounted by ZFS itself. */
function mayHoldData({ source, type, mountpoint }: ObservedMount): boolean {
  const isSnapshot = type === 'zfs' && (source.includes('@') || mountpoint.includes('/.zfs/snapshot/'));
  return !isSnapshot && !fleeting.test(type) && source !== 'borgfs';
}

/** Also one that is not mounted now, such as one whose key is not loaded, but would be with the next start. */
function isToBeMounted({ mountpoint, mounted, properties }: ObservedDataset): boolean {
  return mountpoint.startsWith('/') && (mounted || (properties.canmount?.value ?? 'on') === 'on');
}

function isAt(place: Place): (other: Place) => boolean {
  return ({ source, mountpoint }) => source === place.source && mountpoint === place.mountpoint;
}

/** At the very place of a declared one it is that one which counts, unless it is hidden below this. */
function isInside({ mountpoint, isMounted }: Candidate, { datasets }: DesiredBackup): boolean {
  const [root] = datasets;
  if (root === undefined || !isBelow(mountpoint, root.mountpoint)) return false;
  return isMounted || datasets.every((each) => each.mountpoint !== mountpoint);
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
