import type { Step } from '../types.ts';
import { guarded, type Store, transaction } from './store.ts';

/**
 * What must be put right if a run ends between two steps: on the disk before the step that makes it necessary (law 4).
 * Each entry is a later step of the same run, or one that only puts things back (below position 0, see positions.ts);
 * it goes when that step was done, by the run itself or by whoever finds that the run is dead. What a run could not do
 * stays beside what later runs of the same change write, unless one of them is to do the very same.
 */

export interface Undo {
  atMs: number;
  /** The kernel lock that the run holds for as long as it lives. */
  lockName: string;
  changeId: string;
  /** Whatever tells it from other runs of that change. */
  run: string;
  /** Which step of the change it is. */
  position: number;
  step: Step;
  /** Why it could not be done yet. */
  error: string | null;
}

/** One run of a change. */
export type UndoRun = Pick<Undo, 'changeId' | 'run'>;

/** Throws StateError: then the step that makes it necessary must not run. */
export function writeUndo(store: Store, entries: Omit<Undo, 'error'>[]): void {
  if (entries.length === 0) return;
  transaction(store, () => {
    const put = store.db.prepare(
      'INSERT OR REPLACE INTO undo (at_ms, lock_name, change_id, run, position, step) VALUES (?, ?, ?, ?, ?, ?)',
    );
    for (const { atMs, lockName, changeId, run, position, step } of entries)
      put.run(atMs, lockName, changeId, run, position, JSON.stringify(step));
  });
}

/** All of them at once, or none. What takes their place is there when they are gone. */
export function dropUndo(
  store: Store,
  { changeId, run }: UndoRun,
  positions: number[],
  next: Omit<Undo, 'error'>[] = [],
): void {
  transaction(store, () => {
    const remove = store.db.prepare('DELETE FROM undo WHERE change_id = ? AND run = ? AND position = ?');
    for (const position of positions) remove.run(changeId, run, position);
    writeUndo(store, next);
  });
}

/** It stays, and is tried again. */
export function failUndo(store: Store, { changeId, run }: UndoRun, position: number, error: string): void {
  guarded(store.path, () =>
    store.db
      .prepare('UPDATE undo SET error = ? WHERE change_id = ? AND run = ? AND position = ?')
      .run(error, changeId, run, position),
  );
}

/** The newest run first, each in the order in which it would have done them: containers first, the snapshot last. */
export function readUndo(store: Store): Undo[] {
  return guarded(store.path, () => {
    const rows = store.db
      .prepare(
        'SELECT *, max(seq) OVER (PARTITION BY change_id, run) AS last FROM undo ORDER BY last DESC, change_id, position',
      )
      .all();
    return (rows as unknown as UndoRow[]).map((row) => ({
      atMs: row.at_ms,
      lockName: row.lock_name,
      changeId: row.change_id,
      run: row.run,
      position: row.position,
      step: JSON.parse(row.step) as Step,
      error: row.error,
    }));
  });
}

interface UndoRow {
  at_ms: number;
  lock_name: string;
  change_id: string;
  run: string;
  position: number;
  step: string;
  error: string | null;
}
