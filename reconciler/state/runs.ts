import type { ArchiveFacts } from '../apply/types.ts';
import type { ProofKind } from './proofs.ts';
import { guarded, type Store } from './store.ts';

/** One line for every backup, check and restore drill that was begun, for `steward backup history`. */

export interface BackupRun {
  service: string;
  what: 'archive' | ProofKind;
  /** When it began. */
  atMs: number;
  result: 'done' | 'failed' | 'interrupted';
  error: string | null;
  durationMs: number;
  /** From the first container told to stop until the last one is up again; null where its end was not seen. */
  downtimeMs: number | null;
  archive: string | null;
  facts: ArchiveFacts | null;
  /** What was held back, and why. */
  notes: string[];
}

/** Runs kept for one service; the oldest go first. */
const keptPerService = 500;

export function recordRun(store: Store, run: BackupRun): void {
  const { service, what, atMs, result, error, archive } = run;
  const facts = run.facts === null ? null : JSON.stringify(run.facts);
  const downtimeMs = run.downtimeMs === null ? null : Math.round(run.downtimeMs);
  const durations = [Math.round(run.durationMs), downtimeMs] as const;
  guarded(store.path, () => {
    store.db
      .prepare(
        'INSERT INTO runs (service, at_ms, result, error, duration_ms, downtime_ms, archive, facts, notes, what) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(service, atMs, result, error, ...durations, archive, facts, JSON.stringify(run.notes), what);
    store.db
      .prepare(
        'DELETE FROM runs WHERE service = ? AND seq <= (SELECT seq FROM runs WHERE service = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)',
      )
      .run(service, service, keptPerService);
  });
}

/** Oldest first; of every service where none is named. */
export function readRuns(store: Store, service: string | null, limit: number): BackupRun[] {
  const rows = guarded(store.path, () =>
    store.db
      .prepare('SELECT * FROM runs WHERE ? IS NULL OR service = ? ORDER BY seq DESC LIMIT ?')
      .all(service, service, limit),
  ) as unknown as RunRow[];
  return rows.reverse().map(toRun);
}

/** The last one that was to make an archive, however it ended; null before the first. */
export function readLastRun(store: Store, service: string): BackupRun | null {
  const sql = "SELECT * FROM runs WHERE service = ? AND what = 'archive' ORDER BY seq DESC LIMIT 1";
  const row = guarded(store.path, () => store.db.prepare(sql).get(service)) as unknown as RunRow | undefined;
  return row === undefined ? null : toRun(row);
}

/** The last backup of each service that ended well. */
export function readLastRuns(store: Store): Map<string, BackupRun> {
  const rows = guarded(store.path, () =>
    store.db
      .prepare(
        "SELECT * FROM runs WHERE seq IN (SELECT max(seq) FROM runs WHERE result = 'done' AND what = 'archive' GROUP BY service)",
      )
      .all(),
  ) as unknown as RunRow[];
  return new Map(rows.map((row) => [row.service, toRun(row)]));
}

/** A check or a drill under way. */
export interface RunningProof {
  /** Kernel lock that it holds for as long as it lives. */
  lockName: string;
  service: string;
  what: ProofKind;
  sinceMs: number;
}

/** On disk before it begins: one that dies is found by it. */
export function beginProof(store: Store, { lockName, service, what, sinceMs }: RunningProof): void {
  guarded(store.path, () =>
    store.db
      .prepare('INSERT OR REPLACE INTO proofs_running VALUES (?, ?, ?, ?)')
      .run(lockName, service, what, sinceMs),
  );
}

export function endProof(store: Store, { lockName, service, what }: Omit<RunningProof, 'sinceMs'>): void {
  guarded(store.path, () =>
    store.db
      .prepare('DELETE FROM proofs_running WHERE lock_name = ? AND service = ? AND what = ?')
      .run(lockName, service, what),
  );
}

/** Those under way, or that died. */
export function readRunningProofs(store: Store): RunningProof[] {
  const rows = guarded(store.path, () =>
    store.db.prepare('SELECT * FROM proofs_running').all(),
  ) as unknown as RunningRow[];
  return rows.map((row) => ({
    lockName: row.lock_name,
    service: row.service,
    what: row.what,
    sinceMs: row.since_ms,
  }));
}

interface RunningRow {
  lock_name: string;
  service: string;
  what: ProofKind;
  since_ms: number;
}

function toRun(row: RunRow): BackupRun {
  return {
    service: row.service,
    what: row.what,
    atMs: row.at_ms,
    result: row.result,
    error: row.error,
    durationMs: row.duration_ms,
    downtimeMs: row.downtime_ms,
    archive: row.archive,
    facts: row.facts === null ? null : (JSON.parse(row.facts) as ArchiveFacts),
    notes: JSON.parse(row.notes) as string[],
  };
}

interface RunRow {
  service: string;
  what: BackupRun['what'];
  at_ms: number;
  result: BackupRun['result'];
  error: string | null;
  duration_ms: number;
  downtime_ms: number | null;
  archive: string | null;
  facts: string | null;
  notes: string;
}
