import type { Clock } from '../tools/clock.ts';
import { type Executor, StepError, type StepFacts, type StepProgress } from './apply/types.ts';
import { heldBack } from './backup/held-back.ts';
import { notesOf } from './notes.ts';
import { positionsOf, stepAt } from './positions.ts';
import { asError, putRight } from './put-right.ts';
import type { Change, Step } from './types.ts';

/**
 * The steps of one change, one after the other. What a step makes necessary is in the journal before it begins, goes
 * from it when the step that settles it was done, and is done at once where the change fails in between.
 */
export interface StepDeps {
  executor: Executor;
  clock: Clock;
  /** Law 4. Writes down what is about to happen; when it throws, nothing more is started. */
  announce(change: Change, step: number): void;
  /** After a step: takes note of what it found out. */
  learned?(change: Change, step: number, facts: StepFacts): void;
  /** The journal of what must be put right; a change that has `undo` or `rescue` needs it. */
  undo?: UndoLog;
  /** Whether what was done is good, before its rescue is dropped: null, or one sentence why it is not. */
  prove?(change: Change): Promise<string | null>;
  /** Holds the cycles back while it is held; for a change with an exclusive part. Throws where that is not begun. */
  holdCycles?(change: Change): Promise<{ release(): void }>;
  progress?: (event: StepEvent) => void;
  /** Fires when Steward is told to stop: steps under way end, no further one begins. */
  signal?: AbortSignal;
}

export interface UndoLog {
  /** On disk before it returns. */
  write(change: Change, positions: number[]): void;
  fail(change: Change, position: number, error: string): void;
  /** Done, or not wanted any more: all of them at once, and `next` takes their place in the same instant. */
  drop(change: Change, positions: number[], next?: number[]): void;
}

export type StepEvent =
  | { type: 'started'; change: Change }
  | { type: 'step'; change: Change; step: number; progress: StepProgress | null };

/** When state can no longer be written, nothing more is begun anywhere. */
export type Stop = { error: unknown };

/** `begun: false` when nothing was touched. */
export interface StepFailure {
  message: string;
  begun: boolean;
}

export interface StepsRun {
  failure: StepFailure | null;
  facts: StepFacts;
  /** What steps held back on purpose. */
  notes: string[];
  /** It failed, and everything that its rescue is for is back, or it was too late for that. */
  data: 'back' | 'stays' | null;
  /** Measured around the steps that stop and start containers; null where there are none. */
  downtimeMs: number | null;
  /** Of steps before anything stops: a fetched image is no downtime. */
  preparedMs: number;
}

export async function runSteps(change: Change, deps: StepDeps, stop: Stop): Promise<StepsRun> {
  const state: RunState = {
    failures: [],
    facts: {},
    notes: [],
    open: new Map(),
    isPast: false,
    held: null,
    downSinceMs: null,
    downtimeMs: null,
    preparedMs: 0,
  };
  try {
    const failure = await forwards(change, deps, stop, state);
    const rescue = [...state.open.keys()].some((position) => bringsBack(stepAt(change, position)));
    const left = failure === null ? [] : await putAllRight(change, deps, state);
    const data = rescue && left.length === 0 ? 'back' : state.isPast ? 'stays' : null;
    const message = [failure?.message ?? '', ...left].join('; ');
    const { facts, notes, downtimeMs, preparedMs } = state;
    const whole = failure === null ? null : { ...failure, message };
    return { failure: whole, facts, notes, downtimeMs, preparedMs, data };
  } finally {
    state.held?.release();
  }
}

/** Data, as it was before. */
function bringsBack(step: Step | undefined): boolean {
  return step?.op === 'zfs-rollback' || step?.op === 'files-restore';
}

interface RunState extends Pick<StepsRun, 'facts' | 'notes' | 'downtimeMs' | 'preparedMs'> {
  /** Of steps that may fail without ending the change. */
  failures: string[];
  /** Positions of the steps that must still put something right, and since when, in milliseconds since the epoch. */
  open: Map<number, number>;
  /** Its rescue is not wanted any more. */
  isPast: boolean;
  /** Cycles are held back. */
  held: { release(): void } | null;
  downSinceMs: number | null;
}

async function forwards(
  change: Change,
  deps: StepDeps,
  stop: Stop,
  state: RunState,
): Promise<StepFailure | null> {
  for (const index of change.steps.keys()) {
    if (stop.error !== null || deps.signal?.aborted === true)
      return { message: 'Steward was told to stop', begun: index > 0 };
    const unproven = await prove(change, index, deps, stop, state);
    if (unproven !== null) return unproven;
    try {
      await holdCycles(change, index, deps, state);
    } catch (error) {
      return { message: explain(error), begun: index > 0 };
    }
    try {
      enter(change, index, deps, state);
    } catch (error) {
      stop.error ??= error;
      return { message: (error as Error).message, begun: index > 0 };
    }
    if (index === 0) deps.progress?.({ type: 'started', change });
    try {
      await execute(change, index, deps, state);
    } catch (error) {
      if (change.mayFail?.includes(index) !== true) return failed([...state.failures, explain(error)]);
      state.failures.push(explain(error));
      // What is not up by now is tried again at the end, which may be days away.
      releaseAfter(change, [index], state);
    }
  }
  const unproven = await prove(change, change.steps.length, deps, stop, state);
  if (unproven !== null) return unproven;
  if (state.failures.length === 0 && change.rescue?.unwell === 'told')
    state.failures.push(...((await provenBad(change, deps)) ?? []));
  return state.failures.length === 0 ? null : failed(state.failures);
}

/**
 * From here on nobody wants back what was before. In one go: half of a rescue would be no way back. What the next step
 * must put right is written with it: a container that only the rescue would have started must not be forgotten.
 */
async function prove(
  change: Change,
  index: number,
  deps: StepDeps,
  stop: Stop,
  state: RunState,
): Promise<StepFailure | null> {
  if (change.rescue?.until !== index) return null;
  const bad = change.rescue.unwell === 'told' ? null : await provenBad(change, deps);
  if (bad !== null) return failed([...state.failures, ...bad]);
  const dropped = [...state.open.keys()].filter((position) => position < 0);
  const next = positionsOf(change, index);
  try {
    deps.undo?.drop(change, dropped, next);
  } catch (error) {
    stop.error ??= error;
    return failed([...state.failures, (error as Error).message]);
  }
  for (const position of dropped) state.open.delete(position);
  for (const position of next) state.open.set(position, deps.clock.now());
  state.isPast = true;
  return null;
}

/** Null where it is good. */
async function provenBad(change: Change, deps: StepDeps): Promise<[string] | null> {
  const message = (await deps.prove?.(change)) ?? null;
  return message === null ? null : [message];
}

function failed(messages: string[]): StepFailure {
  return { message: messages.join('; '), begun: true };
}

async function holdCycles(change: Change, index: number, deps: StepDeps, state: RunState): Promise<void> {
  if (change.background?.exclusive?.first === index) state.held = (await deps.holdCycles?.(change)) ?? null;
}

/** Everything that must be on the disk before the step runs. */
function enter(change: Change, index: number, deps: StepDeps, state: RunState): void {
  const positions = positionsOf(change, index);
  const nowMs = deps.clock.now();
  deps.undo?.write(change, positions);
  for (const position of positions) state.open.set(position, nowMs);
  deps.announce(change, index);
}

async function execute(change: Change, index: number, deps: StepDeps, state: RunState): Promise<void> {
  const step = change.steps[index];
  if (step === undefined) return;
  const held = heldBack(step, state.facts);
  if (held !== null) return done(change, index, { heldBack: held }, deps, state);
  const startMs = deps.clock.monotonic();
  if (step.op === 'containers-stop' || step.op === 'containers-pause') state.downSinceMs = startMs;
  const onProgress = (progress: StepProgress) =>
    deps.progress?.({ type: 'step', change, step: index, progress });
  deps.progress?.({ type: 'step', change, step: index, progress: null });
  // A step that puts something right is not cut short: it ends what another one began.
  const signal = state.open.has(index) ? undefined : deps.signal;
  const facts = await deps.executor.execute(step, {
    onProgress,
    ...(signal === undefined ? {} : { signal }),
  });
  if (step.op === 'image-pull' || step.op === 'image-tag')
    state.preparedMs += deps.clock.monotonic() - startMs;
  done(change, index, facts ?? {}, deps, state);
  if (facts?.failed !== undefined) throw new StepError(facts.failed);
}

function done(change: Change, index: number, facts: StepFacts, deps: StepDeps, state: RunState): void {
  tell(notesOf(change.steps[index], facts), state);
  // What was held back says something of this step and the next, not of those after another archive.
  const { heldBack: _earlier, notes: _said, ...known } = state.facts;
  state.facts = { ...known, ...facts };
  deps.learned?.(change, index, facts);
  settle(change, [index], deps, state);
  releaseAfter(change, [index], state);
}

/** Each once. */
function tell(said: string[], { notes }: RunState): void {
  notes.push(...said.filter((note) => !notes.includes(note)));
}

function settle(change: Change, positions: number[], deps: StepDeps, state: RunState): void {
  for (const position of positions) {
    const { op } = stepAt(change, position) ?? {};
    if ((op === 'containers-start' || op === 'containers-unpause') && state.downSinceMs !== null)
      state.downtimeMs = deps.clock.monotonic() - state.downSinceMs;
  }
  const open = positions.filter((position) => state.open.delete(position));
  if (open.length > 0) deps.undo?.drop(change, open);
}

function release(state: RunState): void {
  state.held?.release();
  state.held = null;
}

/** Containers are started before a snapshot is cleared away. Says what it could not do. */
async function putAllRight(change: Change, deps: StepDeps, state: RunState): Promise<string[]> {
  const open = [...state.open]
    .sort(([a], [b]) => a - b)
    .flatMap(([position, sinceMs]) => {
      const step = stepAt(change, position);
      return step === undefined ? [] : [{ position, step, sinceMs }];
    });
  const unwritten: string[] = [];
  const { failed, notes } = await putRight(open, deps.executor, {
    settle(positions) {
      // What is done counts as done even where that cannot be written down: the next run does it once more.
      const error = errorOf(() => settle(change, positions, deps, state));
      if (error !== null) unwritten.push(error);
      releaseAfter(change, positions, state);
    },
    fail(position, error) {
      deps.undo?.fail(change, position, error);
      releaseAfter(change, [position], state);
    },
  });
  tell(notes, state);
  return [...failed.map(({ error }) => error.message), ...unwritten];
}

function releaseAfter(change: Change, positions: number[], state: RunState): void {
  const last = change.background?.exclusive?.last;
  if (last !== undefined && positions.includes(last)) release(state);
}

/** The sentence; null where there is none. */
function errorOf(action: () => void): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return explain(error);
  }
}

/** A StepError is a sentence already. Anything else is a bug or a tool's surprise: said once, with its cause. */
function explain(error: unknown): string {
  return asError(error).message;
}
