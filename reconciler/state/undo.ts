import type { Step } from '../types.ts';
import { guarded, type Store, transaction } from './store.ts';

/**
 * What must be put right if a run ends between two steps: on the disk before the step that makes it necessary (law 4).
 * Each entry is a later step of the same run, or one that only puts things back (below position 0, see positions.ts);
 * it goes when that step was done, by the run itself or by whoever finds that the run is dead.
 */

export interface Undo {
  atMs: number;
  /** The kernel lock that the run holds for as long as it lives. */
  lockName: string;
  changeId: string;
  /** Which step of the change it is. */
  position: number;
  step: Step;
  /** Why it could not be done yet. */
  error: string | null;
}

/** Throws StateError: then the step that makes it necessary must not run. */
export function writeUndo(store: Store, entries: Omit<Undo, 'error'>[]): void {
  if (entries.length === 0) return;
  transaction(store, () => {
    const put = store.db.prepare(
      'INSERT OR REPLACE INTO undo (at_ms, lock_name, change_id, position, step) VALUES (?, ?, ?, ?, ?)',
    );
    for (const { atMs, lockName, changeId, position, step } of entries)
      put.run(atMs, lockName, changeId, position, JSON.stringify(step));
  });
}

/** All of them at once, or none. What takes their place is there when they are gone. */
export function dropUndo(
  store: Store,
  changeId: string,
  positions: number[],
  next: Omit<Undo, 'error'>[] = [],
): void {
  transaction(store, () => {
    const remove = store.db.prepare('DELETE FROM undo WHERE change_id = ? AND position = ?');
    for (const position of positions) remove.run(changeId, position);
    writeUndo(store, next);
  });
}

/** It stays, and is tried again. */
export function failUndo(store: Store, changeId: string, position: number, error: string): void {
  guarded(store.path, () =>
    store.db
      .prepare('UPDATE undo SET error = ? WHERE change_id = ? AND position = ?')
      .run(error, changeId, position),
  );
}

/** In the order in which the run would have done them: containers first, the snapshot last. */
export function readUndo(store: Store): Undo[] {
  return guarded(store.path, () => {
    const rows = store.db.prepare('SELECT * FROM undo ORDER BY change_id, position').all();
    return (rows as unknown as UndoRow[]).map((row) => ({
      atMs: row.at_ms,
      lockName: row.lock_name,
      changeId: row.change_id,
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
  position: number;
  step: string;
  error: string | null;
}
