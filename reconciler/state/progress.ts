import type { Step } from '../types.ts';
import { guarded, type Store } from './store.ts';

/**
 * What a backup or a proof under way is at, for whoever asks from another process. Of one that is dead it says nothing:
 * whether one is under way, the locks and their records say.
 */
export interface Progress {
  service: string;
  step: Step['op'];
  /** Read so far, where the step counts them. */
  files: number | null;
  bytes: number | null;
  /** To be read in all; null where that is not known. */
  totalBytes: number | null;
}

export function writeProgress(store: Store, { service, step, files, bytes, totalBytes }: Progress): void {
  guarded(store.path, () =>
    store.db
      .prepare('INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)')
      .run(service, step, files, bytes, totalBytes),
  );
}

export function clearProgress(store: Store, service: string): void {
  guarded(store.path, () => store.db.prepare('DELETE FROM progress WHERE service = ?').run(service));
}

export function readProgress(store: Store): Map<string, Progress> {
  const rows = guarded(store.path, () =>
    store.db.prepare('SELECT * FROM progress').all(),
  ) as unknown as ProgressRow[];
  return new Map(
    rows.map(({ total_bytes: totalBytes, ...row }) => [row.service, { ...row, totalBytes }] as const),
  );
}

interface ProgressRow extends Omit<Progress, 'totalBytes'> {
  total_bytes: number | null;
}
