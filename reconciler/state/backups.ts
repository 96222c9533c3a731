import { exchanged } from '../apply/lost-repository.ts';
import type { ListedArchive } from '../apply/types.ts';
import type { ScheduleRecord } from '../backup/changed-schedule.ts';
import type { Uncovered } from '../backup/uncovered.ts';
import { type ArchiveRecord, readArchives, writeListed } from './archives.ts';
import { type KeyRecord, readKeys } from './keys.ts';
import { repositoryLock } from './lock.ts';
import { type Progress, readProgress } from './progress.ts';
import { dropManifest, emptyProofs, type Proofs, readProofs } from './proofs.ts';
import { type RunningProof, readRunningProofs } from './runs.ts';
import { readSchedules } from './schedules.ts';
import { guarded, type Store, transaction } from './store.ts';
import { readUncovered } from './uncovered.ts';

/** What is known of backups without asking Borg, as plain data for the planner and for status. */

export interface BackupRecord {
  service: string;
  /** When it was first declared: ticks before that ask for no archive. */
  firstSeenMs: number;
  /** Failures since the last success. */
  attempts: number;
  lastAttemptMs: number | null;
  lastError: string | null;
  /** Attempts since the last success that had begun to stop the service, however they ended, and the last of them. */
  stops: number;
  lastStopMs: number | null;
  /** A run under way, and the kernel lock that it holds for as long as it lives. */
  runningSinceMs: number | null;
  runningLock: string | null;
}

export interface RepositoryRecord {
  location: string;
  borgId: string;
  /** As Borg names it. */
  encryption: string;
  listedMs: number;
  /** What is recorded may not be so any more: it is listed again before it is relied on. */
  inDoubt: boolean;
  /** Names of what attempts that were cut off had left in it, of ours and of others. */
  checkpoints: string[];
}

export interface Backups extends Proofs {
  services: Map<string, BackupRecord>;
  /** Service -> the schedule whose ticks are owed. */
  schedules: Map<string, ScheduleRecord>;
  repositories: Map<string, RepositoryRecord>;
  /** Location -> archives, newest first. */
  archives: Map<string, ArchiveRecord[]>;
  /** Location -> its key's last export. */
  keys: Map<string, KeyRecord>;
  /** Checks and drills under way, or that died. */
  runningProofs: RunningProof[];
  /** Service -> what it is at, where something is under way. */
  progress: Map<string, Progress>;
  /** Service -> what was last seen inside its data and is in no archive of it. */
  uncovered: Map<string, Uncovered[]>;
}

export function emptyBackups(): Backups {
  const nothing = { services: new Map(), repositories: new Map(), archives: new Map(), keys: new Map() };
  const others = { schedules: new Map(), progress: new Map(), uncovered: new Map() };
  return { ...nothing, ...emptyProofs(), ...others, runningProofs: [] };
}

export function readBackups(store: Store): Backups {
  return guarded(store.path, () => {
    const services = rows<BackupRow>(store, 'SELECT * FROM backups').map(toBackup);
    const repositories = rows<RepositoryRow>(store, 'SELECT * FROM repositories').map(toRepository);
    return {
      ...readProofs(store),
      keys: readKeys(store),
      schedules: readSchedules(store),
      runningProofs: readRunningProofs(store),
      progress: readProgress(store),
      uncovered: readUncovered(store),
      services: new Map(services.map((record) => [record.service, record])),
      repositories: new Map(repositories.map((record) => [record.location, record])),
      archives: readArchives(store),
    };
  });
}

/** Those with a run under way, or one that died. */
export function readRunning(store: Store): BackupRecord[] {
  const sql = 'SELECT * FROM backups WHERE running_lock IS NOT NULL';
  return guarded(store.path, () => rows<BackupRow>(store, sql).map(toBackup));
}

/** One service's record; null where none was written yet. */
export function readBackup(store: Store, service: string): BackupRecord | null {
  return guarded(store.path, () => {
    const row = store.db.prepare('SELECT * FROM backups WHERE service = ?').get(service);
    return row === undefined ? null : toBackup(row as unknown as BackupRow);
  });
}

export function newBackupRecord(service: string, firstSeenMs: number): BackupRecord {
  const never = { attempts: 0, lastAttemptMs: null, lastError: null, stops: 0, lastStopMs: null };
  return { service, firstSeenMs, ...never, runningSinceMs: null, runningLock: null };
}

export function writeBackupRecord(store: Store, record: BackupRecord): void {
  guarded(store.path, () =>
    store.db
      .prepare('INSERT OR REPLACE INTO backups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        record.service,
        record.firstSeenMs,
        record.attempts,
        record.lastAttemptMs,
        record.lastError,
        record.runningSinceMs,
        record.runningLock,
        record.stops,
        record.lastStopMs,
      ),
  );
}

/**
 * What Borg has just listed takes the place of what was known; facts of archives that are still there stay. Of another
 * repository than the one that is known nothing is taken, and what is known is in doubt. Throws StepError.
 */
export function writeListing(store: Store, repository: RepositoryRecord, listed: ListedArchive[]): void {
  const { location, borgId, encryption, listedMs } = repository;
  const before = readBorgId(store, location);
  if (before !== null && before !== borgId) {
    doubtRepository(store, location);
    throw exchanged(location);
  }
  transaction(store, () => {
    store.db
      .prepare('INSERT OR REPLACE INTO repositories VALUES (?, ?, ?, ?, ?, ?)')
      .run(
        location,
        borgId,
        encryption,
        listedMs,
        repository.inDoubt ? 1 : 0,
        JSON.stringify(repository.checkpoints),
      );
    writeListed(store, location, listed);
  });
}

function readBorgId(store: Store, location: string): string | null {
  const sql = 'SELECT borg_id FROM repositories WHERE location = ?';
  const row = guarded(store.path, () => store.db.prepare(sql).get(location));
  return row === undefined ? null : String(row.borg_id);
}

/** After a failure that may have left the repository other than it was known to be. */
export function doubtRepository(store: Store, location: string): void {
  guarded(store.path, () =>
    store.db.prepare('UPDATE repositories SET in_doubt = 1 WHERE location = ?').run(location),
  );
}

/** Whatever is at this place next is looked at as if nothing had ever been there, or been restored for its `service`. */
export function forgetRepository(store: Store, location: string, service: string | null): void {
  transaction(store, () => {
    for (const table of ['repositories', 'archives', 'made_by_hand'])
      store.db.prepare(`DELETE FROM ${table} WHERE location = ?`).run(location);
    dropManifest(store, location);
    const forget = store.db.prepare("DELETE FROM proofs WHERE (kind = 'drill') = ? AND subject = ?");
    forget.run(0, location);
    if (service !== null) forget.run(1, service);
  });
}

/** The same, by the name of the lock that guards it. */
export function doubtRepositoryOfLock(store: Store, lock: string): void {
  for (const location of readBackups(store).repositories.keys())
    if (repositoryLock(location) === lock) doubtRepository(store, location);
}

interface BackupRow {
  service: string;
  first_seen_ms: number;
  attempts: number;
  last_attempt_ms: number | null;
  last_error: string | null;
  running_since_ms: number | null;
  running_lock: string | null;
  stops: number;
  last_stop_ms: number | null;
}

interface RepositoryRow {
  location: string;
  borg_id: string;
  encryption: string;
  listed_ms: number;
  in_doubt: number;
  checkpoints: string;
}

function rows<Row>(store: Store, sql: string): Row[] {
  return store.db.prepare(sql).all() as Row[];
}

function toBackup(row: BackupRow): BackupRecord {
  return {
    service: row.service,
    firstSeenMs: row.first_seen_ms,
    attempts: row.attempts,
    lastAttemptMs: row.last_attempt_ms,
    lastError: row.last_error,
    runningSinceMs: row.running_since_ms,
    runningLock: row.running_lock,
    stops: row.stops,
    lastStopMs: row.last_stop_ms,
  };
}

function toRepository(row: RepositoryRow): RepositoryRecord {
  return {
    location: row.location,
    borgId: row.borg_id,
    encryption: row.encryption,
    listedMs: row.listed_ms,
    inDoubt: row.in_doubt === 1,
    checkpoints: JSON.parse(row.checkpoints) as string[],
  };
}
