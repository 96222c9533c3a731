import { guarded, type Store, transaction } from './store.ts';

/** One line a cycle that did or found something, so that `status` can answer after a restart. */
export interface CycleRow {
  atMs: number;
  commit: string | null;
  result: string;
  durationMs: number;
  /** What `status` shows: problems, what is held back and why. */
  detail: unknown;
}

const kept = 500;

/**
 * Cycles of the running loop that found nothing new replace the one before: the file does not grow with time. `detail`
 * must not hold what differs from cycle to cycle, such as a time.
 */
export function recordCycle(store: Store, row: CycleRow): void {
  guarded(store.path, () => {
    const { atMs, commit, result } = row;
    const durationMs = Math.round(row.durationMs);
    const detail = JSON.stringify(row.detail);
    const again = `UPDATE cycles SET at_ms = ?, duration_ms = ?
      WHERE seq = (SELECT max(seq) FROM cycles) AND commit_id IS ? AND result = ? AND detail = ?`;
    if (store.db.prepare(again).run(atMs, durationMs, commit, result, detail).changes === 1) return;
    const put = 'INSERT INTO cycles (at_ms, commit_id, result, duration_ms, detail) VALUES (?, ?, ?, ?, ?)';
    store.db.prepare(put).run(atMs, commit, result, durationMs, detail);
    store.db.prepare('DELETE FROM cycles WHERE seq <= (SELECT max(seq) FROM cycles) - ?').run(kept);
  });
}

/** What was found out since the last cycle, in its place; nothing before the first. */
export function amendLastCycle(store: Store, change: (detail: unknown) => unknown): void {
  transaction(store, () => {
    const last = lastCycle(store);
    if (last === null) return;
    const put = 'UPDATE cycles SET detail = ? WHERE seq = (SELECT max(seq) FROM cycles)';
    store.db.prepare(put).run(JSON.stringify(change(last.detail)));
  });
}

export function lastCycle(store: Store): CycleRow | null {
  return guarded(store.path, () => {
    const row = store.db.prepare('SELECT * FROM cycles ORDER BY seq DESC LIMIT 1').get() as
      | Stored
      | undefined;
    return row === undefined ? null : toRow(row);
  });
}

/** When one last left the host as Git says; null where none that is kept did. */
export function lastSuccessMs(store: Store): number | null {
  const sql = `SELECT at_ms FROM cycles WHERE result IN ('converged', 'changed') ORDER BY seq DESC LIMIT 1`;
  return guarded(store.path, () => {
    const row = store.db.prepare(sql).get() as Pick<Stored, 'at_ms'> | undefined;
    return row?.at_ms ?? null;
  });
}

/** When the remote last answered, be it with a commit that was refused; null where no cycle that is kept had an answer. */
export function lastFetchMs(store: Store): number | null {
  const sql = `SELECT at_ms FROM cycles WHERE detail ->> 'repositoryError' IS NULL OR detail ->> 'refused' IS NOT NULL
    ORDER BY seq DESC LIMIT 1`;
  return guarded(store.path, () => {
    const row = store.db.prepare(sql).get() as Pick<Stored, 'at_ms'> | undefined;
    return row?.at_ms ?? null;
  });
}

interface Stored {
  seq: number;
  at_ms: number;
  commit_id: string | null;
  result: string;
  duration_ms: number;
  detail: string;
}

function toRow(row: Stored): CycleRow {
  const detail = JSON.parse(row.detail) as unknown;
  return { atMs: row.at_ms, commit: row.commit_id, result: row.result, durationMs: row.duration_ms, detail };
}
