import { guarded, type Store } from './store.ts';

/** Entries that nobody asked for in this time are dropped. */
const unusedAfterMs = 30 * 24 * 60 * 60_000;

/** Texts that are dear to compute, by a key that holds all that went into them. */
export function textCache(
  store: Store,
  now: () => number = Date.now,
): {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
} {
  return {
    get(key) {
      return guarded(store.path, () => {
        const row = store.db.prepare('SELECT value FROM cache WHERE key = ?').get(key);
        return (row as { value: string } | undefined)?.value;
      });
    },
    set(key, value) {
      guarded(store.path, () => {
        store.db.prepare('INSERT OR REPLACE INTO cache VALUES (?, ?, ?)').run(key, value, now());
        store.db.prepare('DELETE FROM cache WHERE used_ms < ?').run(now() - unusedAfterMs);
      });
    },
  };
}
