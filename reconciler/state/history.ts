import type { ChangeResult, Reason } from '../types.ts';
import { guarded, type Store, transaction } from './store.ts';

/** What happened to one resource, for `steward why`. */
export interface HistoryEntry {
  atMs: number;
  id: string;
  verb: string;
  commit: string;
  result: ChangeResult | 'interrupted';
  error: string | null;
  durationMs: number;
  reasons: Reason[];
}

/** Entries kept for one resource; the oldest go first. */
const keptPerResource = 200;

export function recordHistory(store: Store, entries: HistoryEntry[]): void {
  if (entries.length === 0) return;
  transaction(store, () => insertHistory(store, entries));
}

/** For a caller that has a transaction open already. */
export function insertHistory(store: Store, entries: HistoryEntry[]): void {
  const put = store.db.prepare(
    'INSERT INTO history (at_ms, id, verb, commit_id, result, error, duration_ms, reasons) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const trim = store.db.prepare(
    'DELETE FROM history WHERE id = ? AND seq <= (SELECT seq FROM history WHERE id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)',
  );
  for (const e of entries) {
    const duration = Math.round(e.durationMs);
    put.run(e.atMs, e.id, e.verb, e.commit, e.result, e.error, duration, JSON.stringify(e.reasons));
    trim.run(e.id, e.id, keptPerResource);
  }
}

/**
 * Oldest first. `id` is a full id (`kind:name`) or a bare name, which may stand for several kinds, and for what was asked
 * for by hand of its backup: `photo` for `backup:photo/restore` too.
 */
export function readHistory(store: Store, id: string): HistoryEntry[] {
  return guarded(store.path, () => {
    const byHand = `backup:${id}/`;
    const sql =
      "SELECT * FROM history WHERE id = ? OR substr(id, instr(id, ':') + 1) = ? OR substr(id, 1, ?) = ? ORDER BY seq";
    const rows = store.db.prepare(sql).all(id, id, [...byHand].length, byHand);
    return (rows as unknown as HistoryRow[]).map(toHistory);
  });
}

/** What was asked for by hand of any backup, oldest first: ids such as `backup:photo/restore`. */
export function readAskedFor(store: Store): HistoryEntry[] {
  const sql = "SELECT * FROM history WHERE id LIKE 'backup:%/%' ORDER BY seq";
  return guarded(store.path, () => (store.db.prepare(sql).all() as unknown as HistoryRow[]).map(toHistory));
}

/** Ids that ever had a change, for "did you mean". */
export function historyIds(store: Store): string[] {
  return guarded(store.path, () => {
    const rows = store.db.prepare('SELECT DISTINCT id FROM history ORDER BY id').all();
    return (rows as { id: string }[]).map((row) => row.id);
  });
}

interface HistoryRow {
  at_ms: number;
  id: string;
  verb: string;
  commit_id: string;
  result: HistoryEntry['result'];
  error: string | null;
  duration_ms: number;
  reasons: string;
}

function toHistory(row: HistoryRow): HistoryEntry {
  return {
    atMs: row.at_ms,
    id: row.id,
    verb: row.verb,
    commit: row.commit_id,
    result: row.result,
    error: row.error,
    durationMs: row.duration_ms,
    reasons: JSON.parse(row.reasons) as Reason[],
  };
}
