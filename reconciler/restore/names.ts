import type { ResourceId } from '../../desired-state/types.ts';
import { instant } from '../backup/names.ts';

/** How restores and the snapshots that they keep are called. */

/** Not the backup's own id: by it the journal tells that data is being restored. */
export function restoreId(service: string): ResourceId {
  return `backup:${service}/restore`;
}

/** The service that a change restores; null for every other change. */
export function restoredService(changeId: string): string | null {
  return /^backup:([^/]+)\/restore$/.exec(changeId)?.[1] ?? null;
}

/** The value of `steward:run` on the snapshots that a restore keeps: what `--undo` goes back to. */
export function restoreRun(service: string, atMs: number): string {
  return `restore-${service}-${instant(atMs)}`;
}

export function isRestoreRun(run: string): boolean {
  return /^restore-.+-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(run);
}

/** `datapool/services/photo@steward-before-restore-2026-11-23T02:30:00Z` */
export function safetyName(dataset: string, atMs: number): string {
  return `${dataset}@steward-before-restore-${instant(atMs)}`;
}
