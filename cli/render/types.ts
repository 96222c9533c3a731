import type { DesiredState, Problem } from '../../desired-state/types.ts';
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

/** What is known of a service's backups; times are milliseconds since the epoch, null: never. */
export interface BackupStatus {
  service: string;
  /** When the next archive is due; null: never by itself, or it is due now. */
  nextAt: number | null;
  /** Of the newest archive: when its data is from, and what is in it. */
  lastArchive: { name: string; at: number; files: number | null; bytes: number | null } | null;
  /** Since when an archive is due that was not made. */
  overdueSince: number | null;
  suspended: boolean;
  /** Failures since the last success. */
  failures: number;
  lastError: string | null;
  lastRun: { durationMs: number; downtimeMs: number | null; deduplicatedBytes: number | null } | null;
  /** Of any depth. */
  lastCheck: { at: number; ok: boolean } | null;
  /** What a check or a drill has found wrong, and what keeps everything from being pruned. */
  damage: string | null;
  /** Why nothing is pruned although a retention is declared. */
  pruneHeld: string | null;
  /** The last archive that was restored and was what had been archived. */
  lastDrill: { at: number; archive: string } | null;
  /** Why the last check or drill came to no end. */
  proofError: string | null;
  /** When the key was last exported and proven; 0 never, null: there is no key, or that is not known yet. */
  keyExportedAt: number | null;
  /** Why an export of the key is wanted. */
  keyProblem: string | null;
}

/** A route as it last answered through the hub; times are milliseconds since the epoch. */
export interface RouteStatus {
  url: string;
  service: string;
  askedAt: number;
  /** Null where nobody answered. */
  status: number | null;
  latencyMs: number | null;
  certificateEndsAt: number | null;
  /** Why it does not do what it is for; null where it does. */
  error: string | null;
  /** Since when it does, or does not. */
  since: number;
}

export interface Status {
  /** The newest commit that was seen. */
  commit: string | null;
  /** The commit that the whole host is at. */
  appliedCommit: string | null;
  lastCycle: { at: number; result: string; durationMs: number } | null;
  services: ServiceStatus[];
  problems: Problem[];
  policy?: DesiredState['policy'];
  held: Reason | null;
  /** Why the newest commit was not got: the remote does not answer, or nobody who is trusted has signed it. */
  repositoryError?: string | null;
  /** The newest commit, where its signature is why it is not applied. */
  refused?: { id: string; subject: string } | null;
  orphans: string[];
  /** Containers that Git does not know, as sentences: reached from outside, or on a network of Git. */
  notInGit?: string[];
  backups?: BackupStatus[];
  routes?: RouteStatus[];
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
