import { guarded, type Store } from './store.ts';

/** How far the recovery of each service is, on disk before anything of it is begun: a server that starts again goes on. */

export type RecoveryPhase =
  /** Nothing of its data was written yet. */
  | 'waiting'
  /** What is in its datasets is a part of the archive, and nothing else. */
  | 'restoring'
  | 'restored'
  /** There is no archive to be restored. */
  | 'nothing'
  /** A person lets it start with what is there. */
  | 'given-up';

export interface Recovery {
  service: string;
  phase: RecoveryPhase;
  /** The one that was tried last. */
  archive: string | null;
  /** What the archive stands for, milliseconds since the epoch. */
  atMs: number | null;
  /** A sentence: why it is not further, or why it was not the newest archive. */
  note: string | null;
  /** Archives that are damaged beyond doubt -> what Borg says. They are not tried again. */
  damaged: Record<string, string>;
  /**
   * When an extraction has failed: what came to be there later is somebody's. Null where none has, and while one is at
   * work or was cut off, since nobody knows until when it has written.
   */
  leftMs: number | null;
  updatedMs: number;
}

export function readRecoveries(store: Store): Recovery[] {
  return guarded(store.path, () =>
    (store.db.prepare('SELECT * FROM recoveries ORDER BY service').all() as unknown as Row[]).map(toRecovery),
  );
}

export function writeRecovery(
  store: Store,
  { service, phase, archive, atMs, note, damaged, leftMs, updatedMs }: Recovery,
): void {
  guarded(store.path, () =>
    store.db
      .prepare(
        'INSERT OR REPLACE INTO recoveries (service, phase, archive, at_ms, note, updated_ms, damaged, left_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(service, phase, archive, atMs, note, updatedMs, JSON.stringify(damaged), leftMs),
  );
}

/** As if it had never been begun: nothing of it was written. */
export function removeRecovery(store: Store, service: string): void {
  guarded(store.path, () => store.db.prepare('DELETE FROM recoveries WHERE service = ?').run(service));
}

/** Its data is not there yet, and nobody has said that it starts without. */
export function isOpen({ phase }: Recovery): boolean {
  return phase !== 'restored' && phase !== 'given-up';
}

/** A service that must not run yet, nor be backed up: what is on its datasets is not its data. */
export interface Recovering {
  /** A sentence. */
  why: string;
  /** A part of the archive is there, with the owners that it has in the archive. */
  isPart: boolean;
}

/** By service. */
export function readRecovering(store: Store): Map<string, Recovering> {
  const open = readRecoveries(store).flatMap((recovery): [string, Recovering][] => {
    const why = sentenceOf(recovery);
    return why === null ? [] : [[recovery.service, { why, isPart: recovery.phase === 'restoring' }]];
  });
  return new Map(open);
}

function sentenceOf({ service, phase, archive }: Recovery): string | null {
  switch (phase) {
    case 'waiting':
      return 'its data is still to be recovered from its backup; `steward recover` goes on with that';
    case 'restoring':
      return `its data is being recovered from ${archive}; if that has ended, \`steward recover\` goes on with it`;
    case 'nothing':
      return `no archive of it was found; \`steward recover --start-empty ${service}\` lets it begin with nothing`;
    default:
      return null;
  }
}

interface Row {
  service: string;
  phase: RecoveryPhase;
  archive: string | null;
  at_ms: number | null;
  note: string | null;
  damaged: string;
  left_ms: number | null;
  updated_ms: number;
}

function toRecovery({ at_ms, updated_ms, left_ms, damaged, ...row }: Row): Recovery {
  return { ...row, damaged: JSON.parse(damaged), atMs: at_ms, leftMs: left_ms, updatedMs: updated_ms };
}
