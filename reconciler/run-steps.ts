import type { Clock } from '../tools/clock.ts';
import { type Executor, StepError, type StepFacts, type StepProgress } from './apply/types.ts';
import { heldBack } from './backup/held-back.ts';
import { notesOf } from './notes.ts';
import { positionsOf, stepAt } from './positions.ts';
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
  settle(change: Change, position: number): void;
  fail(change: Change, position: number, error: string): void;
  /** Of a rescue that is not wanted any more: all of it at once, and `next` takes its place in the same instant. */
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
    const left = failure === null ? [] : await putRight(change, deps, state);
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
      if (change.background?.exclusive?.last === index) release(state);
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
  settle(change, index, deps, state);
  if (change.background?.exclusive?.last === index) release(state);
}

/** Each once. */
function tell(said: string[], { notes }: RunState): void {
  notes.push(...said.filter((note) => !notes.includes(note)));
}

function settle(change: Change, index: number, deps: StepDeps, state: RunState): void {
  const { op } = stepAt(change, index) ?? {};
  if ((op === 'containers-start' || op === 'containers-unpause') && state.downSinceMs !== null)
    state.downtimeMs = deps.clock.monotonic() - state.downSinceMs;
  if (!state.open.delete(index)) return;
  deps.undo?.settle(change, index);
}

function release(state: RunState): void {
  state.held?.release();
  state.held = null;
}

/**
 * In the order of the change: containers are started before a snapshot is cleared away. Says what it could not do; a
 * rescue ends there, since nothing may run on data that is not back.
 */
async function putRight(change: Change, deps: StepDeps, state: RunState): Promise<string[]> {
  const left: string[] = [];
  let isStuck = false;
  // A stop is settled with what it is for: after a power cut Docker may have started the containers again.
  const held: number[] = [];
  const settleAll = (index: number) => {
    deps.undo?.drop(change, held.splice(0));
    settle(change, index, deps, state);
  };
  for (const [index, sinceMs] of [...state.open].sort(([a], [b]) => a - b)) {
    const step = stepAt(change, index);
    if (step === undefined || (index < 0 && isStuck)) continue;
    const error = await errorOf(async () => {
      const facts = (await deps.executor.execute(step, { sinceMs })) ?? {};
      // Done, and not all is well with it: nothing that doing it again would mend.
      tell([...notesOf(step, facts), ...(facts.failed === undefined ? [] : [facts.failed])], state);
    });
    // What is done counts as done even where that cannot be written down: the next run does it once more.
    const isHold = step.op === 'containers-stop';
    const unsettled = error ?? (isHold ? null : await errorOf(() => settleAll(index)));
    if (isHold && error === null) held.push(index);
    if (unsettled !== null) left.push(unsettled);
    if (error !== null) deps.undo?.fail(change, index, error);
    isStuck ||= error !== null && index < 0;
    if (change.background?.exclusive?.last === index) release(state);
  }
  return left;
}

/** The sentence; null where there is none. */
async function errorOf(action: () => unknown): Promise<string | null> {
  try {
    await action();
    return null;
  } catch (error) {
    return explain(error);
  }
}

/** A StepError is a sentence already. Anything else is a bug or a tool's surprise: said once, with its cause. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  if (error.name === 'SimulatedCrash') throw error;
  return error.message;
}
