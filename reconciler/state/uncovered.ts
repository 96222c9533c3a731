import type { Uncovered } from '../backup/uncovered.ts';
import { guarded, type Store, transaction } from './store.ts';

/** By service: what was last seen inside its data and is in no archive of it. */
export function readUncovered(store: Store): Map<string, Uncovered[]> {
  const sql = 'SELECT * FROM uncovered ORDER BY service, mountpoint, source';
  const rows = guarded(store.path, () => store.db.prepare(sql).all() as unknown as Row[]);
  const services = Map.groupBy(rows, ({ service }) => service);
  return new Map([...services].map(([service, found]) => [service, found.map(toUncovered)]));
}

/** Takes the place of what was known of this service. */
export function writeUncovered(store: Store, service: string, found: readonly Uncovered[]): void {
  transaction(store, () => {
    store.db.prepare('DELETE FROM uncovered WHERE service = ?').run(service);
    const put = store.db.prepare('INSERT INTO uncovered VALUES (?, ?, ?, ?)');
    for (const { source, mountpoint, sinceMs } of found) put.run(service, source, mountpoint, sinceMs);
  });
}

interface Row {
  service: string;
  source: string;
  mountpoint: string;
  since_ms: number;
}

function toUncovered({ source, mountpoint, since_ms: sinceMs }: Row): Uncovered {
  return { source, mountpoint, sinceMs };
}
