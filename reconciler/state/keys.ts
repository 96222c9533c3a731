import { guarded, type Store } from './store.ts';

/** When the key of a repository was last exported, and proven to open it. Nothing of the key itself is here. */

export interface KeyRecord {
  location: string;
  /** Borg's id of the repository then: one that was made anew since has another key. */
  borgId: string;
  /** SHA-256 of the exported file, to know another one from it. */
  fingerprint: string;
  exportedMs: number;
  /** The folder that it was written to. */
  folder: string;
}

export function readKeys(store: Store): Map<string, KeyRecord> {
  const rows = guarded(store.path, () => store.db.prepare('SELECT * FROM keys').all()) as unknown as KeyRow[];
  return new Map(rows.map((row) => [row.location, toRecord(row)]));
}

function writeKey(store: Store, record: KeyRecord): void {
  const { location, borgId, fingerprint, exportedMs, folder } = record;
  guarded(store.path, () =>
    store.db
      .prepare('INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)')
      .run(location, borgId, fingerprint, exportedMs, folder),
  );
}

/** Takes note of an export that was proven. True where the key is another one than the last that was exported. */
export function recordKey(store: Store, record: KeyRecord): boolean {
  const before = readKeys(store).get(record.location);
  writeKey(store, record);
  return before !== undefined && before.fingerprint !== record.fingerprint;
}

interface KeyRow {
  location: string;
  borg_id: string;
  fingerprint: string;
  exported_ms: number;
  folder: string;
}

function toRecord(row: KeyRow): KeyRecord {
  return {
    location: row.location,
    borgId: row.borg_id,
    fingerprint: row.fingerprint,
    exportedMs: row.exported_ms,
    folder: row.folder,
  };
}
