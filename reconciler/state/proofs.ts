import { rmSync } from 'node:fs';
import path from 'node:path';
import { listingFile } from '../proof/listing.ts';
import type { Manifest } from '../proof/types.ts';
import { guarded, type Store, transaction } from './store.ts';

/** When repositories were last checked and archives last restored for proof, and how that ended. */

export type ProofKind = 'partial' | 'full' | 'verify-data' | 'drill';

export interface ProofRecord {
  kind: ProofKind;
  /** Location of the repository; of a drill the service. */
  subject: string;
  /** When it last came to an end, good or bad; null: never. */
  atMs: number | null;
  result: 'good' | 'bad' | null;
  /** What was wrong. */
  message: string | null;
  /** The last good one, and which archive it was about. */
  goodMs: number | null;
  goodArchive: string | null;
  /** Tries since then that came to no end, for the back-off. */
  attempts: number;
  lastAttemptMs: number | null;
  lastError: string | null;
}

export interface Proofs {
  /** By `proofKey`. */
  proofs: Map<string, ProofRecord>;
  /** Location -> the newest manifest, as it is stored: it is read only where a drill is due. */
  manifests: Map<string, { archive: string; text: string }>;
}

export function proofKey(kind: ProofKind, subject: string): string {
  return `${kind} ${subject}`;
}

export function emptyProofs(): Proofs {
  return { proofs: new Map(), manifests: new Map() };
}

export function readProofs(store: Store): Proofs {
  return guarded(store.path, () => {
    const rows = store.db.prepare('SELECT * FROM proofs').all() as unknown as ProofRow[];
    const manifests = store.db.prepare('SELECT * FROM manifests').all() as unknown as ManifestRow[];
    return {
      proofs: new Map(rows.map((row) => [proofKey(row.kind, row.subject), toRecord(row)])),
      manifests: new Map(
        manifests.map((row) => [row.location, { archive: row.archive, text: row.manifest }]),
      ),
    };
  });
}

export function noProof(kind: ProofKind, subject: string): ProofRecord {
  const never = { atMs: null, result: null, message: null, goodMs: null, goodArchive: null };
  return { kind, subject, ...never, attempts: 0, lastAttemptMs: null, lastError: null };
}

/** Changes one record; what was not there yet begins as never proven. */
export function editProof(
  store: Store,
  kind: ProofKind,
  subject: string,
  over: (record: ProofRecord) => Partial<ProofRecord>,
): void {
  transaction(store, () => {
    const row = store.db.prepare('SELECT * FROM proofs WHERE kind = ? AND subject = ?').get(kind, subject);
    const record = row === undefined ? noProof(kind, subject) : toRecord(row as unknown as ProofRow);
    write(store, { ...record, ...over(record) });
  });
}

function write(store: Store, record: ProofRecord): void {
  const { kind, subject, atMs, result, message, goodMs, goodArchive } = record;
  const tried = [record.attempts, record.lastAttemptMs, record.lastError] as const;
  store.db
    .prepare('INSERT OR REPLACE INTO proofs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(kind, subject, atMs, result, message, goodMs, goodArchive, ...tried);
}

/** The newest alone: drills restore no other. */
export function writeManifest(store: Store, location: string, manifest: Manifest): void {
  guarded(store.path, () =>
    store.db
      .prepare('INSERT OR REPLACE INTO manifests VALUES (?, ?, ?)')
      .run(location, manifest.archive, JSON.stringify(manifest)),
  );
}

/** Of an archive that is not there any more nothing is to be compared: its manifest goes, and the list with it. */
export function dropManifest(store: Store, location: string): void {
  const gone = 'NOT IN (SELECT name FROM archives WHERE archives.location = manifests.location)';
  guarded(store.path, () => {
    const sql = `DELETE FROM manifests WHERE location = ? AND archive ${gone}`;
    const { changes } = store.db.prepare(sql).run(location);
    if (changes > 0) rmSync(listingFile(path.dirname(store.path), location), { force: true });
  });
}

interface ProofRow {
  kind: ProofKind;
  subject: string;
  at_ms: number | null;
  result: ProofRecord['result'];
  message: string | null;
  good_ms: number | null;
  good_archive: string | null;
  attempts: number;
  attempted_ms: number | null;
  error: string | null;
}

interface ManifestRow {
  location: string;
  archive: string;
  manifest: string;
}

function toRecord(row: ProofRow): ProofRecord {
  return {
    kind: row.kind,
    subject: row.subject,
    atMs: row.at_ms,
    result: row.result,
    message: row.message,
    goodMs: row.good_ms,
    goodArchive: row.good_archive,
    attempts: row.attempts,
    lastAttemptMs: row.attempted_ms,
    lastError: row.error,
  };
}
