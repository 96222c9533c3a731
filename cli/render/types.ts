import type { DesiredState, Problem } from '../../desired-state/types.ts';
import type { BackupRun } from '../../reconciler/state/runs.ts';
import type { Reason, Step } from '../../reconciler/types.ts';

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

/**
 * done: the newest tick has its archive. due: it begins with the next cycle. waiting: for others who are at work.
 * blocked: by what is wrong. missed: it came too late for this tick. by-hand: there is no schedule.
 */
export type BackupState =
  | 'done'
  | 'due'
  | 'waiting'
  | 'blocked'
  | 'running'
  | 'missed'
  | 'suspended'
  | 'by-hand';

/** A backup, or a check or drill, that is under way. */
export interface RunningBackup {
  what: BackupRun['what'];
  since: number;
  /** The op of its step; null: not known. */
  step: Step['op'] | null;
  /** Read so far, where the step counts them. */
  files: number | null;
  bytes: number | null;
  totalBytes: number | null;
}

/** What is known of a service's backups; times are milliseconds since the epoch, null: never. */
export interface BackupStatus {
  service: string;
  state: BackupState;
  /** Since when it is due, or under way; the tick that was missed. */
  since: number | null;
  /** What it waits for, what blocks it, or why it was missed. */
  why: string | null;
  running: RunningBackup | null;
  /** When the next tick comes; null: never by itself. */
  nextAt: number | null;
  /** Of the newest archive: when its data is from, and what is in it. */
  lastArchive: { name: string; at: number; files: number | null; bytes: number | null } | null;
  /** Since when an archive is due that is not made yet, or was missed. */
  overdueSince: number | null;
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
  /** Whether that is for doubt in what was archived, and not because the repository is append-only. */
  pruneInDoubt: boolean;
  /** What their ages count from: the last one, or before the first since when it is awaited; null: none is declared. */
  checkCountsFrom: number | null;
  drillCountsFrom: number | null;
  /** The last archive that was restored and was what had been archived. */
  lastDrill: { at: number; archive: string } | null;
  /** Why the last check or drill came to no end. */
  proofError: string | null;
  /** When the key was last exported and proven; 0 never, null: there is no key, or that is not known yet. */
  keyExportedAt: number | null;
  /** Why an export of the key is wanted. */
  keyProblem: string | null;
  /** What lies inside the data of the service and is in no archive of it, a sentence each. */
  uncovered: string[];
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
  /** Whether it should have been renewed by now. */
  certificateEndsSoon?: boolean;
  /** Why it does not do what it is for; null where it does. */
  error: string | null;
  /** Why it is not known whether the service answers, where nothing speaks against it. */
  unproven?: string;
  /** Since when it does, or does not. */
  since: number;
}

export interface Status {
  /** The newest commit that was seen. */
  commit: string | null;
  /** The commit that the whole host is at; null: none, as after one of which a part failed. */
  appliedCommit: string | null;
  lastCycle: { at: number; result: string; durationMs: number } | null;
  /** Between two cycles of the daemon that has made the last one; absent where it was no daemon's. */
  intervalMs?: number;
  /** When the last cycle ended, where others should have followed it by now. */
  silentSince?: number;
  services: ServiceStatus[];
  /** When the host was last looked at, where the last cycle did not: its commit is bad, or could not be read. */
  seenAt?: number;
  problems: Problem[];
  policy?: DesiredState['policy'];
  held: Reason | null;
  /** Why the newest commit was not got: the remote does not answer, or nobody who is trusted has signed it. */
  repositoryError?: string | null;
  /** The newest commit, where its signature is why it is not applied. */
  refused?: { id: string; subject: string } | null;
  /** Ids of what is wrong although nothing is to be done about it now. */
  degraded?: string[];
  orphans: string[];
  /** Containers that Git does not know, as sentences: reached from outside, or on a network of Git. */
  notInGit?: string[];
  backups?: BackupStatus[];
  routes?: RouteStatus[];
  /** Service -> why its routes are not as Git says, as a sentence. */
  routeTroubles?: Record<string, string>;
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
