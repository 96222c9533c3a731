import type { StepFacts } from './apply/types.ts';
import type { ChangePart, Failure, PartEnd, Said } from './part-types.ts';
import { stepAt } from './positions.ts';
import type { StepDeps } from './step-deps.ts';
import type { Change, Step } from './types.ts';

/** `begun: false` when nothing was touched. */
export interface StepFailure {
  message: string;
  begun: boolean;
}

export interface StepsRun {
  failure: StepFailure | null;
  /** What steps held back on purpose. */
  notes: string[];
  /** See parts.ts; empty where the change has none. */
  parts: PartEnd[];
  /** It failed, and everything that its rescue is for is back, or it was too late for that. */
  data: 'back' | 'stays' | null;
  /** Measured around the steps that stop and start containers; null where none stops any. */
  downtimeMs: number | null;
  /** Of steps before anything stops: a fetched image is no downtime. */
  preparedMs: number;
}

/** Of a change that is under way. */
export interface RunState extends Pick<StepsRun, 'downtimeMs' | 'preparedMs'> {
  failures: Failure[];
  said: Said[];
  /** What the steps of one part, or those for all, have found out. */
  facts: StepFacts;
  part: ChangePart | null;
  /** Positions of the steps that must still put something right, and since when, in milliseconds since the epoch. */
  open: Map<number, number>;
  /** Its rescue is not wanted any more. */
  isPast: boolean;
  /** Cycles are held back. */
  held: { release(): void } | null;
  downSinceMs: number | null;
}

export function newRunState(): RunState {
  return {
    failures: [],
    said: [],
    facts: {},
    part: null,
    open: new Map(),
    isPast: false,
    held: null,
    downSinceMs: null,
    downtimeMs: null,
    preparedMs: 0,
  };
}

/** Until now, of what is still down. What has not come to its first stop has stopped nothing. */
export function downtimeOf({ steps }: Change, { clock }: StepDeps, state: RunState): number | null {
  const { downtimeMs, downSinceMs } = state;
  if (downtimeMs !== null) return downtimeMs;
  if (downSinceMs !== null) return clock.monotonic() - downSinceMs;
  return steps.some(stops) ? 0 : null;
}

export function stops({ op }: Step): boolean {
  return op === 'containers-stop' || op === 'containers-pause';
}

/** What these steps made necessary, or were to put right, is done. */
export function settle(change: Change, positions: number[], deps: StepDeps, state: RunState): void {
  for (const position of positions) {
    const { op } = stepAt(change, position) ?? {};
    if ((op === 'containers-start' || op === 'containers-unpause') && state.downSinceMs !== null)
      state.downtimeMs = deps.clock.monotonic() - state.downSinceMs;
  }
  const open = positions.filter((position) => state.open.delete(position));
  if (open.length > 0) deps.undo?.drop(change, open);
}

export function releaseAfter(change: Change, positions: number[], state: RunState): void {
  const last = change.background?.exclusive?.last;
  if (last !== undefined && positions.includes(last)) release(state);
}

function release(state: RunState): void {
  state.held?.release();
  state.held = null;
}
