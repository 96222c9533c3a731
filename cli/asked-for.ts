import { type HistoryEntry, readAskedFor } from '../reconciler/state/history.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { AskedFor, ShownRun } from './render/backup-runs.ts';

/** Restores, recoveries and archives deleted by hand, oldest first; of every service where none is named. */
export function askedForRuns(store: Store, service: string | null): ShownRun[] {
  return readAskedFor(store).flatMap((entry) => {
    const [, name = '', what] = /^backup:([^/]+)\/(restore|recover|delete-archive)$/.exec(entry.id) ?? [];
    return what === undefined || (service ?? name) !== name ? [] : [runOf(name, what as AskedFor, entry)];
  });
}

function runOf(service: string, what: AskedFor, entry: HistoryEntry): ShownRun {
  const { atMs, durationMs, result, error, reasons } = entry;
  const [reason] = reasons;
  return {
    ...{ service, what, error, durationMs, downtimeMs: null, facts: null },
    atMs: atMs - durationMs,
    result: result === 'applied' ? 'done' : result === 'interrupted' ? 'interrupted' : 'failed',
    archive: (what === 'delete-archive' ? reason?.from : reason?.to) ?? null,
    notes: reasons.flatMap(({ note }) => (note === undefined ? [] : [note])),
  };
}
