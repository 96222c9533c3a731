/** The parts of Steward's JSON output that the tests read. */

export interface ReasonJson {
  field: string;
  from: string | null;
  to: string | null;
  note?: string;
  container?: string;
  origin?: { file: string; line: number; column: number };
}

export interface NoticeJson {
  id: string;
  kind: string;
  state: string;
  reasons: ReasonJson[];
}

export interface ChangeJson {
  verb: string;
  kind: string;
  id: string;
  service: string | null;
  reasons: ReasonJson[];
  disruption: { level: string; containers: string[] };
  steps: { op: string; command: string; services?: string[] }[];
}

export interface OutcomeJson {
  id: string;
  verb: string;
  result: string;
  error: string | null;
}

export interface ProblemJson {
  severity: string;
  file: string;
  line: number;
  column: number;
  message: string;
}

/** What `plan` and `reconcile --once` print. `plan` has no outcomes that matter. */
export interface CycleJson {
  result: string;
  commit: { id: string };
  changes: ChangeJson[];
  blocked: NoticeJson[];
  reports?: NoticeJson[];
  held?: ReasonJson | null;
  problems?: ProblemJson[];
  outcomes?: OutcomeJson[];
  fetchError?: string | null;
  loadError?: string | null;
  inSync?: string[];
}

export interface StatusJson {
  commit: string | null;
  appliedCommit: string | null;
  lastCycle: { result: string } | null;
  services: { name: string; state: string; error?: string }[];
  problems: ProblemJson[];
  held: ReasonJson | null;
  orphans: string[];
  routes?: { url: string; service: string; status: number | null; error: string | null }[];
}

export type HistoryJson = {
  id: string;
  verb: string;
  commit: string;
  result: string;
  error: string | null;
}[];

/** `verb id` of every change, sorted: what a plan comes to. */
export function changeLines(plan: CycleJson): string[] {
  return plan.changes.map((change) => `${change.verb} ${change.id}`).sort();
}

/** `state id` of what is held back, sorted. */
export function blockedLines(plan: CycleJson): string[] {
  return plan.blocked.map((notice) => `${notice.state} ${notice.id}`).sort();
}
