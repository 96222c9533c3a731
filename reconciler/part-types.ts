import type { Failing } from './apply/types.ts';

/** What a change for several services does for one of them alone; steps that are in no part are for all. */
export interface ChangePart {
  service: string;
  /** Positions. */
  steps: number[];
  /** Names of those that are held still for it, by steps for all. */
  containers: string[];
}

/** How a change for several services ended for one of them. Skipped: nothing was stopped for it. */
export interface PartEnd {
  service: string;
  result: 'applied' | 'failed' | 'skipped';
  /** One sentence; null when applied. */
  error: string | null;
  notes: string[];
}

export interface Failure {
  /** Position of the step that it came with. */
  at: number;
  message: string;
  /** Of several containers, which. */
  failing: readonly Failing[];
  /** No step came after it. */
  isLast: boolean;
  /** Its part goes on all the same. */
  mayFail: boolean;
}

/** Something to be known, of the step at that position. */
export interface Said {
  at: number;
  text: string;
}
