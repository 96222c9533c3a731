import type { Outcome, Plan } from '../reconciler/types.ts';

type PlanProblem = Plan['problems'][number];

/** What one cycle says to the metrics, as plain data. */

export const cycleResults = [
  'converged',
  'changed',
  'failed',
  'bad_commit',
  'held',
  'blocked',
  'unknown',
  'error',
] as const;
export type CycleMetric = (typeof cycleResults)[number];

export const phases = ['fetch', 'load', 'observe', 'plan', 'apply', 'total'] as const;
export type MetricPhase = (typeof phases)[number];

export interface CycleRecord {
  /** Milliseconds since the epoch. */
  at: number;
  result: CycleMetric;
  /** Milliseconds; a phase that was not reached is absent. */
  phases: Partial<Record<MetricPhase, number>>;
  /** Null where the commit could not be loaded: the resources of the cycle before stay as they were. */
  plan: Plan | null;
  outcomes: Outcome[];
  /** Milliseconds since the epoch of the last fetch that succeeded; null: never. */
  fetchedAt: number | null;
  /** Whether the newest commit is not applied for its signature; counts only where there was a fetch that succeeded. */
  refused: boolean;
  problems: PlanProblem[];
}

/** What was known before a restart. Milliseconds since the epoch; null: never, or not known. */
export interface Before {
  cycleAt: number | null;
  successAt: number | null;
  fetchedAt: number | null;
  refused: boolean;
}

/** What one route says to the metrics; null: nobody answered. */
export interface RouteMetric {
  service: string;
  url: string;
  /** Null where the hub asks for a password first. */
  answers: boolean | null;
  status: number | null;
  latencyMs: number | null;
  certificateEndsAt: number | null;
  askedAt: number;
}

/** What one service's backups say to the metrics. Milliseconds; null: nothing to tell, and the series is absent. */
export interface BackupMetric {
  service: string;
  lastArchiveAt: number | null;
  files: number | null;
  bytes: number | null;
  deduplicatedBytes: number | null;
  durationMs: number | null;
  downtimeMs: number | null;
  /** Before the first one: since when it is awaited. */
  lastProvenRestoreAt: number | null;
  lastCheckAt: number | null;
  keyExportedAt: number | null;
  damaged: boolean;
  /** How many datasets or mounts inside its data no archive has. */
  uncovered: number;
  pruneHeld: boolean;
  overdue: boolean;
  running: boolean;
  failures: number;
}
