import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedZfs } from '../../observers/types.ts';
import { proofAt, proofText, waitsForProof, waitsForTurn } from '../backup/at-work.ts';
import { stopLater } from '../backup/attempts.ts';
import { archiveReason, type BackupPlan, backupChange } from '../backup/change.ts';
import { dueInForce, type ScheduleRecord, scheduleInForce } from '../backup/changed-schedule.ts';
import { archiveOf, type Due, type DueSpec } from '../backup/due.ts';
import { backupId, instant, parseArchiveName } from '../backup/names.ts';
import { pruneHeld } from '../backup/prune.ts';
import { uncoveredText } from '../backup/uncovered.ts';
import { numbersOf } from '../owners/numbers.ts';
import { proofLater } from '../proof/check.ts';
import { drillChange, drillNow, dueDrill } from '../proof/drill.ts';
import type { ArchiveRecord } from '../state/archives.ts';
import type { BackupRecord, Backups } from '../state/backups.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { proofKey } from '../state/proofs.ts';
import type { Reason } from '../types.ts';
import { type Asked, blocked, notice, report, type Verdict, type World, why } from '../world.ts';

/** What is known without a look at the host. */
export interface Known {
  inventory: { backups: Pick<Backups, 'archives' | 'schedules'> };
  nowMs: number;
}

/** For every tick there is an archive: the newest tick is compared with what is known to be in the repository. */
export function diff(desired: DesiredBackup, world: World): Verdict {
  if (desired.suspend) return report(desired, 'suspended', 'backup.suspend: true; no archive is made');
  return toldOfGaps(desired, verdictOf(desired, world), world);
}

/** What no archive has is to be known whatever else there is to say. An archive that is made says it itself. */
function toldOfGaps(desired: DesiredBackup, verdict: Verdict, { uncovered }: World): Verdict {
  const gaps = (uncovered.get(desired.service) ?? []).map((place) => why(uncoveredText(place, desired)));
  if (gaps.length === 0) return verdict;
  if (verdict.state === 'in-sync')
    return { state: 'report', notice: notice(desired, 'report', 'degraded', gaps), data: verdict.data };
  if (verdict.state !== 'report' && verdict.state !== 'blocked') return verdict;
  return { ...verdict, notice: { ...verdict.notice, reasons: [...verdict.notice.reasons, ...gaps] } };
}

function verdictOf(desired: DesiredBackup, world: World): Verdict {
  const record = world.inventory.backups.services.get(desired.service);
  if (world.asked?.services.includes(desired.service)) return askedFor(desired, world.asked, world);
  const due = record === undefined ? null : dueOf(desired, record, world);
  if (due === null || due.state === 'done') return drilled(desired, record, world);
  if (due.state === 'missed') return report(desired, 'degraded', missedNote(due.tickMs));
  const waits =
    mayTryNow(desired, record, world) ?? whatHinders(desired, world) ?? atRepository(desired, due, world);
  return waits ?? run(desired, due.sinceMs, world);
}

export function missedNote(tickMs: number): string {
  return `the archive of ${instant(tickMs)} was not made within startingDeadline; the next tick makes one`;
}

/** By hand, whatever the schedule. A check is of the repository, and leaves the backup alone. */
function askedFor(desired: DesiredBackup, { what = 'archive', atMs }: Asked, world: World): Verdict {
  if (what === 'check' || what === 'verify-data') return { state: 'in-sync', data: {} };
  const hindered = whatHinders(desired, world);
  if (hindered !== null) return hindered;
  return what === 'archive' ? run(desired, atMs, world) : askedDrill(desired, world);
}

function askedDrill(desired: DesiredBackup, world: World): Verdict {
  const found = drillNow(desired, 'asked for by hand', world);
  if (found !== null) return { state: 'change', change: drillChange(desired, found, world), data: {} };
  const first =
    desired.drill === null
      ? 'no drill is declared for it, so that its archives have nothing to be compared with; add backup.drill, then run'
      : 'no archive was made since its drill was declared, so that there is nothing to compare; run';
  return blocked(desired, 'waiting', `${first} steward backup run ${desired.service}`);
}

/** A drill when one is due and no archive is. */
function drilled(desired: DesiredBackup, record: BackupRecord | undefined, world: World): Verdict {
  const inSync: Verdict = { state: 'in-sync', data: {} };
  const hasGround =
    world.observed.zfs.known && missingDataset(desired, world.observed.zfs.value) === undefined;
  if (record === undefined || world.asked !== undefined || !hasGround) return inSync;
  if (record.runningSinceMs !== null) return inSync;
  const proof = proofAt(desired.repository.location, world.inventory.backups);
  if (proof?.what === 'drill') return report(desired, 'running', proofText(proof));
  const due = proof === null ? dueDrill(desired, record.firstSeenMs, world) : null;
  if (due === null) return differs(desired, world) ?? inSync;
  const later = proofLater(
    world.inventory.backups.proofs.get(proofKey('drill', desired.service)),
    world.nowMs,
  );
  if (later !== null) return report(desired, 'degraded', `restore drill: ${later}`);
  return { state: 'change', change: drillChange(desired, due, world), data: {} };
}

/** What the last drill found wrong is so until one is right. */
function differs(desired: DesiredBackup, { inventory }: World): Verdict | null {
  const last = inventory.backups.proofs.get(proofKey('drill', desired.service));
  if (last?.result !== 'bad') return null;
  return report(desired, 'degraded', `restore drill: ${last.message ?? 'what was restored differs'}`);
}

/** Whether an archive of the service is due and may be made now: what uses its repository otherwise waits for it. */
export function isDueNow(service: string | null, world: World): boolean {
  const desired = world.byId.get(backupId(service ?? ''));
  const record = world.inventory.backups.services.get(service ?? '');
  if (desired?.kind !== 'backup' || desired.suspend || record === undefined) return false;
  if (stopLater(record, desired, world.nowMs) !== null || whatHinders(desired, world) !== null) return false;
  return dueOf(desired, record, world).state === 'due';
}

/** An archive by hand counts for the tick before it too. */
export function dueOf(desired: DesiredBackup, record: BackupRecord, world: Known): Due {
  return dueInForce(desired, knownOf(desired, record, world), world.nowMs);
}

/** Whose ticks are owed from here on, to be kept. */
export function scheduleOf(desired: DesiredBackup, record: BackupRecord, world: Known): ScheduleRecord {
  return scheduleInForce(desired, knownOf(desired, record, world), world.nowMs);
}

function knownOf(desired: DesiredBackup, { firstSeenMs, runningSinceMs }: BackupRecord, world: Known) {
  const kept = world.inventory.backups.schedules.get(desired.service);
  const hasArchive = (spec: DueSpec, tickMs: number) => archiveOf(spec, tickMs, allTimes(desired, world));
  return { kept, firstSeenMs, isRunning: runningSinceMs !== null, hasArchive };
}

/**
 * Also of those in a repository from before: a commit that names another one is no reason to stop a service for a tick
 * that has its archive there.
 */
function* allTimes(desired: DesiredBackup, world: Known): Generator<number> {
  yield* ownTimes(desired, world);
  for (const [location, archives] of world.inventory.backups.archives) {
    // One of a service's own: with a thousand others not all names are read.
    if (location === desired.repository.location || !archives[0]?.name.startsWith(`${desired.service}-`))
      continue;
    for (const { name } of archives) {
      const atMs = parseArchiveName(desired.service, name);
      if (atMs !== null) yield atMs;
    }
  }
}

/** When our own archives were due or asked for. One by one, newest data first: mostly the first is the one that is wanted. */
function* ownTimes(desired: DesiredBackup, world: Known): Generator<number> {
  for (const { name } of archivesOf(desired, world)) {
    const atMs = parseArchiveName(desired.service, name);
    if (atMs !== null) yield atMs;
  }
}

function mayTryNow(
  desired: DesiredBackup,
  record: BackupRecord | undefined,
  { nowMs }: World,
): Verdict | null {
  if (record !== undefined && record.runningSinceMs !== null)
    return report(desired, 'running', `under way since ${instant(record.runningSinceMs)}`);
  const later = stopLater(record, desired, nowMs);
  return later === null ? null : blocked(desired, 'backing-off', later);
}

/** Alone with its repository: what looks at it comes to its end first. */
function atRepository(
  desired: DesiredBackup,
  { sinceMs }: { sinceMs: number },
  { inventory }: World,
): Verdict | null {
  const waits = waitsForProof(desired.repository.location, inventory.backups);
  return waits === null ? null : report(desired, 'waiting', `due since ${instant(sinceMs)}; ${waits}`);
}

function whatHinders(desired: DesiredBackup, { observed }: World): Verdict | null {
  if (!observed.docker.known) return blocked(desired, 'unknown', observed.docker.error);
  if (!observed.zfs.known) return blocked(desired, 'unknown', observed.zfs.error);
  const reason = noSnapshot(desired, observed.zfs.value);
  return reason === null ? null : blocked(desired, 'waiting', reason);
}

/** Known before anything is stopped for it. A quota that is used up leaves room for a snapshot. */
function noSnapshot(desired: DesiredBackup, zfs: ObservedZfs): string | null {
  const missing = missingDataset(desired, zfs);
  if (missing !== undefined) return `${missing.name} is not mounted, so there is nothing to archive`;
  const full = zfs.fullPools.find((pool) => desired.datasets.some(({ name }) => name.startsWith(`${pool}/`)));
  if (full === undefined) return null;
  return `the pool ${full} is full: there is no room for a snapshot, and nothing is stopped; free some space there`;
}

function missingDataset(desired: DesiredBackup, { datasets }: ObservedZfs) {
  return desired.datasets.find(({ name }) => datasets[name]?.mounted !== true);
}

function run(desired: DesiredBackup, atMs: number, world: World): Verdict {
  return { state: 'change', change: backupChange(backupPlan(desired, atMs, world)), data: {} };
}

/** All that one backup follows from, as the world is now. */
export function backupPlan(desired: DesiredBackup, atMs: number, world: World): BackupPlan {
  const archives = archivesOf(desired, world);
  const past = [...ownTimes(desired, world)].filter((ownMs) => ownMs <= world.nowMs);
  const held = pruneHeld(desired, world.inventory.backups);
  const repository = world.inventory.backups.repositories.get(desired.repository.location);
  const downtimeMs = world.inventory.services.get(desired.service)?.downtimeMs ?? null;
  const stack = world.byId.get(`compose-stack:${desired.service}`);
  const turn = waitsForTurn(desired.service, world.inventory.backups, world.desired.backupsAtOnce);
  const due = [`due since ${instant(atMs)}`, ...(turn === null ? [] : [turn])].join('; ');
  const note = world.asked === undefined ? due : 'asked for by hand';
  return {
    desired,
    atMs,
    byHand: world.asked !== undefined,
    containers: world.observed.docker.known ? world.observed.docker.value.containers : [],
    archives,
    repositoryId: repository?.borgId ?? null,
    checkpoints: repository?.checkpoints ?? [],
    numbers: numbersOf(world.observed, world.desired.sharedGroup),
    reasons: [archiveReason(desired, atMs, past.sort((a, b) => b - a)[0] ?? null, note), ...heldReason(held)],
    pruneHeld: held,
    uncovered: world.uncovered.get(desired.service) ?? [],
    restored: world.inventory.backups.proofs.get(proofKey('drill', desired.service))?.goodArchive ?? null,
    downtimeSeconds: downtimeMs === null ? 5 : Math.ceil(downtimeMs / 1000),
    guards: world.guards,
    healthTimeoutSeconds: stack?.kind === 'compose-stack' ? stack.healthTimeoutSeconds : 180,
  };
}

function heldReason(note: string | null): Reason[] {
  return note === null ? [] : [{ field: 'retention', from: null, to: null, note }];
}

/** Newest first. */
export function archivesOf(
  { repository }: DesiredBackup,
  { inventory }: { inventory: { backups: Pick<Backups, 'archives'> } },
): ArchiveRecord[] {
  return inventory.backups.archives.get(repository.location) ?? [];
}

/** Archives are data: the repository says what became of them. */
export function prune(_entry: InventoryEntry, _world: World): Verdict {
  return { state: 'gone' };
}
