import type { Problem } from '../../desired-state/types.ts';
import type { Reason } from '../../reconciler/types.ts';

/** What `status` and `why` show, as plain data of their own: how it is stored is not their business. */

export type ServiceState =
  | 'in-sync'
  | 'drifted'
  | 'blocked'
  | 'unknown'
  | 'orphaned'
  | 'suspended'
  | 'failed'
  | 'stalled'
  | 'backing-off';

export interface ServiceStatus {
  name: string;
  state: ServiceState;
  appliedCommit: string | null;
  attemptedCommit: string | null;
  containers?: { running: number; wanted: number };
  error?: string;
  /** Milliseconds since the epoch. */
  nextAttemptAt?: number;
}

export interface Status {
  /** The newest commit that was seen. */
  commit: string | null;
  /** The commit that the whole host is at. */
  appliedCommit: string | null;
  lastCycle: { at: number; result: string; durationMs: number } | null;
  services: ServiceStatus[];
  problems: Problem[];
  held: Reason | null;
  orphans: string[];
  lock?: { pid: number; since: number };
}

export interface HistoryEntry {
  /** Milliseconds since the epoch. */
  at: number;
  id: string;
  verb: string;
  commit: string;
  result: 'applied' | 'failed' | 'skipped' | 'interrupted';
  error: string | null;
  durationMs: number;
  reasons: Reason[];
}
