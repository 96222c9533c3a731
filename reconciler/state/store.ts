import { chmodSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** The state folder cannot be used. `message` says which file, what is wrong and what to do. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** An open state.db. All access goes through `guarded`, so that a full disk reads as a sentence. */
export interface Store {
  readonly path: string;
  readonly db: DatabaseSync;
  close(): void;
}

/** Bumped with each change of the tables; older files are migrated by `migrations`. */
const migrations = [
  `CREATE TABLE resources (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, service TEXT,
     owned_since TEXT NOT NULL, applied_commit TEXT NOT NULL, orphaned_since TEXT, data TEXT NOT NULL) STRICT;
   CREATE TABLE services (
     service TEXT PRIMARY KEY, attempted_commit TEXT, attempted_input TEXT, applied_commit TEXT, applied_input TEXT,
     attempts INTEGER NOT NULL DEFAULT 0, last_attempt_ms INTEGER, last_failed INTEGER NOT NULL DEFAULT 0,
     last_error TEXT, downtime_ms INTEGER) STRICT;
   CREATE TABLE subnets (network TEXT PRIMARY KEY, subnet TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE history (
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, id TEXT NOT NULL, verb TEXT NOT NULL, commit_id TEXT NOT NULL,
     result TEXT NOT NULL, error TEXT, duration_ms INTEGER NOT NULL, reasons TEXT NOT NULL) STRICT;
   CREATE INDEX history_by_id ON history (id, seq);
   CREATE TABLE journal (
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, commit_id TEXT NOT NULL, change_id TEXT NOT NULL,
     verb TEXT NOT NULL, reasons TEXT NOT NULL, step INTEGER NOT NULL) STRICT;
   CREATE TABLE approvals (commit_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;
   CREATE TABLE cycles (
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, commit_id TEXT, result TEXT NOT NULL, duration_ms INTEGER NOT NULL,
     detail TEXT NOT NULL) STRICT;
   CREATE TABLE cache (key TEXT PRIMARY KEY, value TEXT NOT NULL, used_ms INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE undo (
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, lock_name TEXT NOT NULL, change_id TEXT NOT NULL,
     position INTEGER NOT NULL, step TEXT NOT NULL, error TEXT, UNIQUE (change_id, position)) STRICT;
   CREATE TABLE backups (
     service TEXT PRIMARY KEY, first_seen_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
     last_attempt_ms INTEGER, last_error TEXT, running_since_ms INTEGER, running_lock TEXT) STRICT;
   CREATE TABLE repositories (
     location TEXT PRIMARY KEY, borg_id TEXT NOT NULL, encryption TEXT NOT NULL, listed_ms INTEGER NOT NULL,
     in_doubt INTEGER NOT NULL DEFAULT 0) STRICT;
   CREATE TABLE archives (
     location TEXT NOT NULL, name TEXT NOT NULL, borg_id TEXT NOT NULL, at_ms INTEGER NOT NULL, clean INTEGER,
     files INTEGER, original_bytes INTEGER, PRIMARY KEY (location, name)) STRICT;
   CREATE TABLE runs (
     seq INTEGER PRIMARY KEY, service TEXT NOT NULL, at_ms INTEGER NOT NULL, result TEXT NOT NULL, error TEXT,
     duration_ms INTEGER NOT NULL, downtime_ms INTEGER NOT NULL, archive TEXT, facts TEXT, notes TEXT NOT NULL) STRICT;
   CREATE INDEX runs_by_service ON runs (service, seq);`,
  `CREATE TABLE proofs (
     kind TEXT NOT NULL, subject TEXT NOT NULL, at_ms INTEGER, result TEXT, message TEXT, good_ms INTEGER,
     good_archive TEXT, attempts INTEGER NOT NULL DEFAULT 0, attempted_ms INTEGER, error TEXT,
     PRIMARY KEY (kind, subject)) STRICT;
   CREATE TABLE manifests (location TEXT PRIMARY KEY, archive TEXT NOT NULL, manifest TEXT NOT NULL) STRICT;`,
  `CREATE TABLE recoveries (
     service TEXT PRIMARY KEY, phase TEXT NOT NULL, archive TEXT, at_ms INTEGER, note TEXT,
     updated_ms INTEGER NOT NULL) STRICT;`,
  `CREATE TABLE keys (
     location TEXT PRIMARY KEY, borg_id TEXT NOT NULL, fingerprint TEXT NOT NULL, exported_ms INTEGER NOT NULL,
     folder TEXT NOT NULL) STRICT;`,
  `ALTER TABLE runs ADD COLUMN what TEXT NOT NULL DEFAULT 'archive';
   CREATE TABLE proofs_running (
     lock_name TEXT NOT NULL, service TEXT NOT NULL, what TEXT NOT NULL, since_ms INTEGER NOT NULL,
     PRIMARY KEY (lock_name, service, what)) STRICT;`,
  `CREATE TABLE probes (
     url TEXT PRIMARY KEY, service TEXT NOT NULL, at_ms INTEGER NOT NULL, status INTEGER, latency_ms INTEGER,
     certificate_ends_ms INTEGER, error TEXT, since_ms INTEGER NOT NULL) STRICT;`,
  `ALTER TABLE runs RENAME TO runs_before;
   DROP INDEX runs_by_service;
   CREATE TABLE runs (
     seq INTEGER PRIMARY KEY, service TEXT NOT NULL, at_ms INTEGER NOT NULL, result TEXT NOT NULL, error TEXT,
     duration_ms INTEGER NOT NULL, downtime_ms INTEGER, archive TEXT, facts TEXT, notes TEXT NOT NULL,
     what TEXT NOT NULL DEFAULT 'archive') STRICT;
   INSERT INTO runs SELECT seq, service, at_ms, result, error, duration_ms,
     CASE result WHEN 'interrupted' THEN NULL ELSE downtime_ms END, archive, facts, notes, what FROM runs_before;
   DROP TABLE runs_before;
   CREATE INDEX runs_by_service ON runs (service, seq);`,
  `ALTER TABLE backups ADD COLUMN stops INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE backups ADD COLUMN last_stop_ms INTEGER;
   CREATE TABLE progress (
     service TEXT PRIMARY KEY, step TEXT NOT NULL, files INTEGER, bytes INTEGER, total_bytes INTEGER) STRICT;`,
  `ALTER TABLE repositories ADD COLUMN checkpoints TEXT NOT NULL DEFAULT '[]';`,
  'ALTER TABLE probes ADD COLUMN certificate_begins_ms INTEGER;',
  // The default is for a Steward from before, which may still be at work.
  `ALTER TABLE undo RENAME TO undo_before;
   CREATE TABLE undo (
     seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, lock_name TEXT NOT NULL, change_id TEXT NOT NULL,
     position INTEGER NOT NULL, step TEXT NOT NULL, error TEXT, run TEXT NOT NULL DEFAULT '',
     UNIQUE (change_id, position, step)) STRICT;
   INSERT INTO undo SELECT seq, at_ms, lock_name, change_id, position, step, error, '' FROM undo_before;
   DROP TABLE undo_before;`,
  `ALTER TABLE recoveries ADD COLUMN damaged TEXT NOT NULL DEFAULT '{}';
   ALTER TABLE recoveries ADD COLUMN left_ms INTEGER;`,
  // A table of its own: a Steward from before, which may still be at work, writes whole rows of backups.
  `CREATE TABLE schedules (
     service TEXT PRIMARY KEY, schedule TEXT NOT NULL, jitter_seconds INTEGER NOT NULL, since_ms INTEGER NOT NULL) STRICT;`,
  'CREATE TABLE declared_backups (one INTEGER PRIMARY KEY CHECK (one = 1), declared TEXT NOT NULL) STRICT;',
  `CREATE TABLE uncovered (
     service TEXT NOT NULL, source TEXT NOT NULL, mountpoint TEXT NOT NULL, since_ms INTEGER NOT NULL,
     PRIMARY KEY (service, mountpoint, source)) STRICT;`,
  'CREATE TABLE unproven_probes (url TEXT PRIMARY KEY, why TEXT NOT NULL) STRICT;',
  // A table of its own, as of schedules: whole rows of archives are written by a Steward from before, too.
  `CREATE TABLE made_by_hand (
     location TEXT NOT NULL, borg_id TEXT NOT NULL, by_hand INTEGER NOT NULL, PRIMARY KEY (location, borg_id)) STRICT;`,
];

/** How long another process's write is waited for. */
const busyTimeoutMs = 5_000;

/**
 * Opens (and creates) `<stateDir>/state.db`. Throws StateError where the folder cannot be written, the file is
 * damaged, or it was written by a newer Steward: in each of these nothing may be done to the host, since what we own
 * is not known.
 */
export function openStore(stateDir: string): Store {
  const path = join(stateDir, 'state.db');
  return guarded(path, () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o711 });
    const db = new DatabaseSync(path, { timeout: busyTimeoutMs });
    chmodSync(path, 0o600);
    whenFree(() => db.exec('PRAGMA journal_mode = WAL'));
    // FULL: a row that announces a step is on the disk before the step runs (law 4).
    db.exec('PRAGMA synchronous = FULL');
    verify(db, path);
    migrate(db, path);
    keepPrepared(db);
    return { path, db, close: () => db.close() };
  });
}

/** The same few dozen texts come again and again, and SQLite takes longer to parse one than to run it. */
function keepPrepared(db: DatabaseSync): void {
  const prepare = db.prepare.bind(db);
  const prepared = new Map<string, StatementSync>();
  db.prepare = (sql) => {
    const known = prepared.get(sql) ?? prepare(sql);
    prepared.set(sql, known);
    return known;
  };
}

/**
 * Two that open a new file at once: SQLite does not wait by itself for the one that is just making it a WAL file
 * (sqlite.org/c3ref/busy_handler.html: where waiting could be a deadlock, the handler is not called).
 */
function whenFree(action: () => void): void {
  const deadlineMs = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      action();
      return;
    } catch (error) {
      const isBusy = primaryCode(error as { errcode?: number }) === busy;
      if (!isBusy || performance.now() > deadlineMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function verify(db: DatabaseSync, path: string): void {
  const row = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
  if (row.quick_check !== 'ok') throw damaged(path, row.quick_check);
}

function migrate(db: DatabaseSync, path: string): void {
  const version = versionOf(db);
  if (version > migrations.length) {
    throw new StateError(`${path} was written by a newer Steward (format ${version}); upgrade this one`);
  }
  if (version === migrations.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Read again with the write lock: another one may have begun on the same new folder a moment before.
    for (const sql of migrations.slice(versionOf(db))) db.exec(sql);
    db.exec(`PRAGMA user_version = ${migrations.length}; COMMIT;`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(db: DatabaseSync): number {
  return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Runs `action`; SQLite's and the file system's errors come out as StateError. */
export function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof StateError) throw error;
    throw stateError(path, error as Failure);
  }
}

/** All of `action` or nothing of it, and one wait for the disk. Inside another one it becomes part of that. */
export function transaction<T>(store: Store, action: () => T): T {
  return guarded(store.path, () => {
    if (store.db.isTransaction) return action();
    store.db.exec('BEGIN IMMEDIATE');
    try {
      const result = action();
      store.db.exec('COMMIT');
      return result;
    } catch (error) {
      if (store.db.isTransaction) store.db.exec('ROLLBACK');
      throw error;
    }
  });
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const fullDisk = 13;
const notADatabase = 26;
const corrupt = 11;
const busy = 5;
const ioError = 10;

/** Of SQLite with its result code, or of the file system. */
type Failure = Error & { code?: string; errcode?: number };

function primaryCode({ errcode }: { errcode?: number }): number {
  return (errcode ?? 0) & 0xff;
}

/** The sentence for what has happened to a file of the state folder. */
export function stateError(path: string, error: Failure): StateError {
  const primary = primaryCode(error);
  if (primary === corrupt || primary === notADatabase) return damaged(path, error.message);
  const saysSo = primary === fullDisk || error.code === 'ENOSPC' || error.code === 'EDQUOT';
  if (saysSo || (primary === ioError && isFull(dirname(path)))) {
    return new StateError(`the disk of ${path} is full; free some space: nothing is done until then`, {
      cause: error,
    });
  }
  return new StateError(`${path} cannot be used (${error.message}); check its folder's owner and space`, {
    cause: error,
  });
}

/** SQLite says no more than "I/O error" where it finds no room for what it shares with others: 32 KiB and a page. */
function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < 65_536;
  } catch {
    return false;
  }
}

function damaged(path: string, detail: string): StateError {
  return new StateError(
    `${path} is damaged (${detail}); nothing was changed. Move it away: Steward then adopts what Git declares and the host has`,
  );
}
