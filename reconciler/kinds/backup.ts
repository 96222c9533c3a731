import type { DesiredBackup } from '../../desired-state/types.ts';
import { attemptLater } from '../backup/attempts.ts';
import { archiveReason, type BackupPlan, backupChange } from '../backup/change.ts';
import { archiveOf, type Due, dueTick } from '../backup/due.ts';
import { instant, parseArchiveName } from '../backup/names.ts';
import type { ArchiveRecord, BackupRecord } from '../state/backups.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { blocked, report, type Verdict, type World } from '../world.ts';

/** For every tick there is an archive: the newest tick is compared with what is known to be in the repository. */
export function diff(desired: DesiredBackup, world: World): Verdict {
  if (desired.suspend) return report(desired, 'suspended', 'backup.suspend: true; no archive is made');
  const record = world.inventory.backups.services.get(desired.service);
  if (world.asked?.services.includes(desired.service))
    return whatHinders(desired, world) ?? run(desired, world.asked.atMs, world);
  const due = record === undefined ? null : dueOf(desired, record, world);
  if (due === null || due.state === 'done') return { state: 'in-sync', data: {} };
  if (due.state === 'missed') {
    const late = `the archive of ${instant(due.tickMs)} was not made within startingDeadline; the next tick makes one`;
    return report(desired, 'degraded', late);
  }
  return mayTryNow(desired, record, world) ?? whatHinders(desired, world) ?? run(desired, due.sinceMs, world);
}

/** An archive by hand counts for the tick before it too. */
export function dueOf(desired: DesiredBackup, { firstSeenMs }: BackupRecord, world: World): Due {
  const times = ownTimes(desired, world);
  const hasArchive = (tickMs: number) => archiveOf(desired, tickMs, times);
  return dueTick(desired, { firstSeenMs, hasArchive }, world.nowMs);
}

/** When our own archives were due or asked for, newest first. */
function ownTimes(desired: DesiredBackup, world: World): number[] {
  return archivesOf(desired, world).flatMap(({ name }) => parseArchiveName(desired.service, name) ?? []);
}

function mayTryNow(
  desired: DesiredBackup,
  record: BackupRecord | undefined,
  { nowMs }: World,
): Verdict | null {
  if (record !== undefined && record.runningSinceMs !== null)
    return report(desired, 'running', `under way since ${instant(record.runningSinceMs)}`);
  const later = attemptLater(record, nowMs);
  return later === null ? null : blocked(desired, 'backing-off', later);
}

function whatHinders(desired: DesiredBackup, { observed }: World): Verdict | null {
  if (!observed.docker.known) return blocked(desired, 'unknown', observed.docker.error);
  if (!observed.zfs.known) return blocked(desired, 'unknown', observed.zfs.error);
  const { datasets } = observed.zfs.value;
  const missing = desired.datasets.find(({ name }) => datasets[name]?.mounted !== true);
  if (missing === undefined) return null;
  return blocked(desired, 'waiting', `${missing.name} is not mounted, so there is nothing to archive`);
}

function run(desired: DesiredBackup, atMs: number, world: World): Verdict {
  return { state: 'change', change: backupChange(backupPlan(desired, atMs, world)), data: {} };
}

/** All that one backup follows from, as the world is now. */
export function backupPlan(desired: DesiredBackup, atMs: number, world: World): BackupPlan {
  const archives = archivesOf(desired, world);
  const [last] = ownTimes(desired, world);
  const downtimeMs = world.inventory.services.get(desired.service)?.downtimeMs ?? null;
  const note = world.asked === undefined ? `due since ${instant(atMs)}` : 'asked for by hand';
  return {
    desired,
    atMs,
    containers: world.containersOf.get(desired.project) ?? [],
    archives,
    reasons: [archiveReason(desired, atMs, last ?? null, note)],
    downtimeSeconds: downtimeMs === null ? 5 : Math.ceil(downtimeMs / 1000),
  };
}

/** Newest first. */
export function archivesOf({ repository }: DesiredBackup, { inventory }: World): ArchiveRecord[] {
  return inventory.backups.archives.get(repository.location) ?? [];
}

/** Archives are data: the repository says what became of them. */
export function prune(_entry: InventoryEntry, _world: World): Verdict {
  return { state: 'gone' };
}
