import type { Change, Reason } from '../types.ts';
import { type HistoryEntry, insertHistory } from './history.ts';
import { guarded, type Store, transaction } from './store.ts';

/**
 * What is under way, on disk before it starts. Every step of today is idempotent and found again by the next
 * comparison, so that settling a broken-off change means to say so in its history; the cycle that follows finishes it.
 */

/** Announces step number `step` of a change. Throws StateError: then the step must not run. */
export function announce(store: Store, change: Change, step: number, commit: string, nowMs: number): void {
  guarded(store.path, () =>
    store.db
      .prepare(
        'INSERT INTO journal (at_ms, commit_id, change_id, verb, reasons, step) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(nowMs, commit, change.id, change.verb, JSON.stringify(change.reasons), step),
  );
}

/** Ends a change: its announcements go, its history gains a line; both or neither. */
export function discharge(store: Store, entry: HistoryEntry): void {
  transaction(store, () => {
    store.db.prepare('DELETE FROM journal WHERE change_id = ?').run(entry.id);
    insertHistory(store, [entry]);
  });
}

/** Start-up: turns what a crash left open into history. Returns the ids of the changes that were broken off. */
export function settle(store: Store): string[] {
  const open = guarded(store.path, () => {
    const sql = 'SELECT *, max(step) FROM journal GROUP BY change_id ORDER BY seq';
    return store.db.prepare(sql).all() as unknown as JournalRow[];
  });
  for (const row of open) {
    discharge(store, interrupted(row));
    forgive(store, row.change_id);
  }
  return open.map((row) => row.change_id);
}

/** The end of Steward is not the service's fault: it is tried again at once. The attempt still counts. */
function forgive(store: Store, id: string): void {
  const service = id.startsWith('compose-stack:') ? id.slice('compose-stack:'.length) : null;
  if (service === null) return;
  guarded(store.path, () =>
    store.db.prepare('UPDATE services SET last_failed = 0 WHERE service = ?').run(service),
  );
}

interface JournalRow {
  at_ms: number;
  commit_id: string;
  change_id: string;
  verb: string;
  reasons: string;
  step: number;
}

function interrupted(row: JournalRow): HistoryEntry {
  return {
    atMs: row.at_ms,
    id: row.change_id,
    verb: row.verb,
    commit: row.commit_id,
    result: 'interrupted',
    error: `Steward ended in the middle of step ${row.step + 1}`,
    durationMs: 0,
    reasons: JSON.parse(row.reasons) as Reason[],
  };
}
