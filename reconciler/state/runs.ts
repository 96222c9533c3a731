import type { ArchiveFacts } from '../apply/types.ts';
import { guarded, type Store } from './store.ts';

/** One line for every backup that was begun, for `steward backup history`. */

export interface BackupRun {
  service: string;
  /** When it began. */
  atMs: number;
  result: 'done' | 'failed' | 'interrupted';
  error: string | null;
  durationMs: number;
  /** From the first container told to stop until the last one is up again. */
  downtimeMs: number;
  archive: string | null;
  facts: ArchiveFacts | null;
  /** What was held back, and why. */
  notes: string[];
}

/** Runs kept for one service; the oldest go first. */
const keptPerService = 500;

export function recordRun(store: Store, run: BackupRun): void {
  const { service, atMs, result, error, archive } = run;
  const facts = run.facts === null ? null : JSON.stringify(run.facts);
  const durations = [Math.round(run.durationMs), Math.round(run.downtimeMs)] as const;
  guarded(store.path, () => {
    store.db
      .prepare(
        'INSERT INTO runs (service, at_ms, result, error, duration_ms, downtime_ms, archive, facts, notes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(service, atMs, result, error, ...durations, archive, facts, JSON.stringify(run.notes));
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

/** The last one of each service that ended well. */
export function readLastRuns(store: Store): Map<string, BackupRun> {
  const rows = guarded(store.path, () =>
    store.db
      .prepare(
        "SELECT * FROM runs WHERE seq IN (SELECT max(seq) FROM runs WHERE result = 'done' GROUP BY service)",
      )
      .all(),
  ) as unknown as RunRow[];
  return new Map(rows.map((row) => [row.service, toRun(row)]));
}

function toRun(row: RunRow): BackupRun {
  return {
    service: row.service,
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
  at_ms: number;
  result: BackupRun['result'];
  error: string | null;
  duration_ms: number;
  downtime_ms: number;
  archive: string | null;
  facts: string | null;
  notes: string;
}
