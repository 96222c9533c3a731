import type { Clock } from '../tools/clock.ts';
import type { Executor, StepFacts, StepProgress } from './apply/types.ts';
import type { Change } from './types.ts';

/** What the steps of a change are run with. */
export interface StepDeps {
  executor: Executor;
  clock: Clock;
  /** Law 4. Writes down what is about to happen; when it throws, nothing more is started. */
  announce(change: Change, step: number): void;
  /** After a step: takes note of what it found out. */
  learned?(change: Change, step: number, facts: StepFacts): void;
  /** After a step that failed, which may have been done in part. */
  failed?(change: Change, step: number, error: unknown): void;
  /** The journal of what must be put right; a change that has `undo` or `rescue` needs it. */
  undo?: UndoLog;
  /** Whether what was done is good, before its rescue is dropped: null, or one sentence why it is not. */
  prove?(change: Change): Promise<string | null>;
  /** Before the first of the steps that come before an exclusive part: a sentence why it is not begun; null where it is. */
  judge?(change: Change): Promise<string | null>;
  /** Holds the cycles back while it is held; for a change with an exclusive part. Throws where that is not begun. */
  holdCycles?(change: Change): Promise<{ release(): void }>;
  progress?: (event: StepEvent) => void;
  /** Fires when Steward is told to stop: steps under way end, no further one begins. */
  signal?: AbortSignal;
}

export interface UndoLog {
  /** On disk before it returns, together with what `also` writes: both or neither. */
  write(change: Change, positions: number[], also: () => void): void;
  fail(change: Change, position: number, error: string): void;
  /** Done, or not wanted any more: all of them at once, and `next` takes their place in the same instant. */
  drop(change: Change, positions: number[], next?: number[]): void;
}

export type StepEvent =
  | { type: 'started'; change: Change }
  | { type: 'step'; change: Change; step: number; progress: StepProgress | null };

/** When state can no longer be written, nothing more is begun anywhere. */
export type Stop = { error: unknown };
