import { type Store, transaction } from './store.ts';

/**
 * What back-off, schedules and proofs are measured from. The times in names of archives are not: they are the archive's.
 * Nor is since when something is mounted inside the data, which protects archives: this clock may be the one that is wrong.
 */
const times: Record<string, string[]> = {
  backups: ['first_seen_ms', 'last_attempt_ms', 'last_stop_ms', 'running_since_ms'],
  proofs: ['at_ms', 'good_ms', 'attempted_ms'],
  proofs_running: ['since_ms'],
  repositories: ['listed_ms'],
  schedules: ['since_ms'],
};

/**
 * A clock that was ahead and is right again, as of a server without a battery: what it has dated into the future counts
 * as of `nowMs` from here on. Else it would keep quiet for years what is to be measured from it.
 */
export function settleClock(store: Store, nowMs: number): void {
  transaction(store, () => {
    for (const [table, columns] of Object.entries(times))
      for (const column of columns)
        store.db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${column} > ?`).run(nowMs, nowMs);
  });
}
