import type { ListedArchive } from '../apply/types.ts';
import { dropManifest } from './proofs.ts';
import { guarded, type Store, transaction } from './store.ts';

/** What is known of the archives of a repository. */

export interface ArchiveRecord extends ListedArchive {
  /** When its data is from: the snapshot, or Borg's own time where only that is known. Its name says for which tick. */
  atMs: number;
  /** Borg ended with 0; null for one that Steward did not make. */
  clean: boolean | null;
  files: number | null;
  originalBytes: number | null;
  /** Null for one that does not say. */
  byHand: boolean | null;
}

/** Location -> archives, newest first. */
export function readArchives(store: Store): Map<string, ArchiveRecord[]> {
  const mark = 'SELECT by_hand FROM made_by_hand AS made WHERE made.location = archives.location';
  const sql = `SELECT *, (${mark} AND made.borg_id = archives.borg_id) AS by_hand
    FROM archives ORDER BY at_ms DESC, name DESC`;
  return guarded(store.path, () => {
    const rows = store.db.prepare(sql).all() as unknown as ArchiveRow[];
    const byLocation = Map.groupBy(rows, ({ location }) => location);
    return new Map([...byLocation].map(([location, found]) => [location, found.map(toArchive)]));
  });
}

/** Whether the repository at this location was last seen to hold an archive of that name. */
export function hasArchive(store: Store, location: string, name: string): boolean {
  const sql = 'SELECT 1 FROM archives WHERE location = ? AND name = ?';
  return guarded(store.path, () => store.db.prepare(sql).get(location, name) !== undefined);
}

/** What is listed takes the place of what was known; facts of archives that are still there stay. */
export function writeListed(store: Store, location: string, listed: readonly ListedArchive[]): void {
  transaction(store, () => {
    const names = JSON.stringify(listed.map(({ name, id }) => `${name} ${id}`));
    store.db
      .prepare(
        "DELETE FROM archives WHERE location = ? AND (name || ' ' || borg_id) NOT IN (SELECT value FROM json_each(?))",
      )
      .run(location, names);
    dropLost(store, location);
    const put = store.db.prepare(
      `INSERT INTO archives (location, name, borg_id, at_ms, files, original_bytes) VALUES (?, ?, ?, ?, ?, ?) ${ownTime}`,
    );
    for (const { name, id, atMs, size } of listed)
      put.run(location, name, id, atMs, size?.files ?? null, size?.originalBytes ?? null);
    for (const { id, byHand = null } of listed) mark(store, location, id, byHand);
  });
}

/** A state of before has the time of the name as that of the data: Borg's own is nearer. */
const ownTime = `ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms
  WHERE name LIKE '%-' || strftime('%Y-%m-%dT%H:%M:%SZ', at_ms / 1000, 'unixepoch') AND at_ms % 1000 = 0`;

export function writeArchive(store: Store, location: string, archive: ArchiveRecord): void {
  const { name, id, atMs, clean, files, originalBytes, byHand } = archive;
  transaction(store, () => {
    store.db
      .prepare('INSERT OR REPLACE INTO archives VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(location, name, id, atMs, clean === null ? null : Number(clean), files, originalBytes);
    mark(store, location, id, byHand);
  });
}

/** Who asked for it does not change: what does not say takes nothing away. */
function mark(store: Store, location: string, id: string, byHand: boolean | null): void {
  if (byHand === null) return;
  store.db.prepare('INSERT OR REPLACE INTO made_by_hand VALUES (?, ?, ?)').run(location, id, Number(byHand));
}

/** What is known of archives that are there no more. */
function dropLost(store: Store, location: string): void {
  dropManifest(store, location);
  const known = 'SELECT borg_id FROM archives WHERE location = ?1';
  store.db
    .prepare(`DELETE FROM made_by_hand WHERE location = ?1 AND borg_id NOT IN (${known})`)
    .run(location);
}

export function removeArchives(store: Store, location: string, names: string[]): void {
  transaction(store, () => {
    const remove = store.db.prepare('DELETE FROM archives WHERE location = ? AND name = ?');
    for (const name of names) remove.run(location, name);
    const left = 'SELECT json_group_array(value) FROM json_each(checkpoints) WHERE value NOT IN';
    store.db
      .prepare(
        `UPDATE repositories SET checkpoints = (${left} (SELECT value FROM json_each(?))) WHERE location = ?`,
      )
      .run(JSON.stringify(names), location);
    dropLost(store, location);
  });
}

interface ArchiveRow {
  location: string;
  name: string;
  borg_id: string;
  at_ms: number;
  clean: number | null;
  files: number | null;
  original_bytes: number | null;
  by_hand: number | null;
}

function toArchive(row: ArchiveRow): ArchiveRecord {
  return {
    name: row.name,
    id: row.borg_id,
    atMs: row.at_ms,
    clean: row.clean === null ? null : row.clean === 1,
    files: row.files,
    originalBytes: row.original_bytes,
    byHand: row.by_hand === null ? null : row.by_hand === 1,
  };
}
