import { StepError, type StepFacts, type StepProgress } from './apply/types.ts';
import { heldBack } from './backup/held-back.ts';
import { notesOf } from './notes.ts';
import { endsChange, errorOfParts, failureAt, isLeftOut, joined, partAt, partEnds } from './parts.ts';
import { positionsOf, stepAt } from './positions.ts';
import { putAllRight } from './put-all-right.ts';
import { asError } from './put-right.ts';
import {
  downtimeOf,
  newRunState,
  type RunState,
  releaseAfter,
  type StepsRun,
  settle,
  stops,
} from './run-state.ts';
import type { StepDeps, Stop } from './step-deps.ts';
import type { Change, Step } from './types.ts';

/**
 * The steps of one change, one after the other. What a step makes necessary is in the journal before it begins, goes
 * from it when the step that settles it was done, and is done at once where the change fails in between.
 */
export async function runSteps(change: Change, deps: StepDeps, stop: Stop): Promise<StepsRun> {
  const state = newRunState();
  try {
    const begun = await forwards(change, deps, stop, state);
    const { failures, said } = state;
    const rescue = [...state.open.keys()].some((position) => bringsBack(stepAt(change, position)));
    const left = failures.length === 0 ? [] : await putAllRight(change, deps, state);
    failures.push(...left);
    const parts = partEnds(change, failures, said);
    const message = parts.length === 0 ? joined(failures) : errorOfParts(parts);
    const data = rescue && left.length === 0 ? 'back' : state.isPast ? 'stays' : null;
    const { preparedMs } = state;
    const downtimeMs = downtimeOf(change, deps, state);
    const notes = [...new Set(said.map(({ text }) => text))];
    const failure = failures.length === 0 ? null : { message, begun };
    return { failure, notes, parts, data, downtimeMs, preparedMs };
  } finally {
    state.held?.release();
  }
}

/** Data, as it was before. */
function bringsBack(step: Step | undefined): boolean {
  return step?.op === 'zfs-rollback' || step?.op === 'files-restore';
}

/** Whether anything was touched. */
async function forwards(change: Change, deps: StepDeps, stop: Stop, state: RunState): Promise<boolean> {
  for (const index of change.steps.keys()) {
    if (isLeftOut(change, index, state.failures)) continue;
    const hindered = await hindrance(change, index, deps, stop, state);
    if (hindered !== null) {
      state.failures.push({ ...failureAt(index, hindered), isLast: true });
      return index > 0;
    }
    if (index === 0) deps.progress?.({ type: 'started', change });
    try {
      await execute(change, index, deps, state);
    } catch (error) {
      takeNote(change, index, error, deps, stop);
      const isLast = endsChange(change, index);
      const mayFail = change.mayFail?.includes(index) === true;
      state.failures.push({ ...failureAt(index, error), isLast, mayFail });
      if (isLast) return true;
      // What is not up by now is tried again at the end, which may be days away.
      releaseAfter(change, [index], state);
    }
  }
  const end = change.steps.length;
  const unproven = (await prove(change, end, deps, stop, state)) ?? (await unwell(change, deps, state));
  if (unproven !== null) state.failures.push({ ...failureAt(end, unproven), isLast: true });
  return true;
}

function takeNote(change: Change, index: number, error: unknown, deps: StepDeps, stop: Stop): void {
  try {
    deps.failed?.(change, index, error);
  } catch (cause) {
    stop.error ??= cause;
  }
}

/** Why the step is not begun; null where it may be, and all that must come before it is done. */
async function hindrance(
  change: Change,
  index: number,
  deps: StepDeps,
  stop: Stop,
  state: RunState,
): Promise<Error | null> {
  if (stop.error !== null || deps.signal?.aborted === true) return new StepError('Steward was told to stop');
  const unproven = await prove(change, index, deps, stop, state);
  if (unproven !== null) return unproven;
  try {
    await judge(change, index, deps);
    await holdCycles(change, index, deps, state);
  } catch (error) {
    return asError(error);
  }
  try {
    enter(change, index, deps, state);
    return null;
  } catch (error) {
    stop.error ??= error;
    return asError(error);
  }
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
): Promise<Error | null> {
  if (change.rescue?.until !== index) return null;
  const bad = change.rescue.unwell === 'told' ? null : await provenBad(change, deps);
  if (bad !== null) return bad;
  const dropped = [...state.open.keys()].filter((position) => position < 0);
  const next = positionsOf(change, index);
  try {
    deps.undo?.drop(change, dropped, next);
  } catch (error) {
    stop.error ??= error;
    return asError(error);
  }
  for (const position of dropped) state.open.delete(position);
  for (const position of next) state.open.set(position, deps.clock.now());
  state.isPast = true;
  return null;
}

/** Of what stays as it is, where all else went well. */
async function unwell(change: Change, deps: StepDeps, { failures }: RunState): Promise<Error | null> {
  return failures.length === 0 && change.rescue?.unwell === 'told' ? await provenBad(change, deps) : null;
}

/** Null where it is good. */
async function provenBad(change: Change, deps: StepDeps): Promise<Error | null> {
  const message = (await deps.prove?.(change)) ?? null;
  return message === null ? null : new StepError(message);
}

async function holdCycles(change: Change, index: number, deps: StepDeps, state: RunState): Promise<void> {
  if (change.background?.exclusive?.first === index) state.held = (await deps.holdCycles?.(change)) ?? null;
}

/** Where it would be judged only after what may take long. */
async function judge(change: Change, index: number, deps: StepDeps): Promise<void> {
  const first = change.background?.exclusive?.first ?? 0;
  const since = index === 0 && first > 0 ? await deps.judge?.(change) : null;
  if (typeof since === 'string') throw new StepError(since);
}

/** Everything that must be on the disk before the step runs. All of it or nothing: what is not begun is not put right. */
function enter(change: Change, index: number, deps: StepDeps, state: RunState): void {
  const positions = positionsOf(change, index);
  const nowMs = deps.clock.now();
  const announce = () => deps.announce(change, index);
  if (deps.undo === undefined) announce();
  else deps.undo.write(change, positions, announce);
  for (const position of positions) state.open.set(position, nowMs);
}

async function execute(change: Change, index: number, deps: StepDeps, state: RunState): Promise<void> {
  const step = change.steps[index];
  if (step === undefined) return;
  const part = partAt(change, index);
  // What was found out of one says nothing of another.
  if (part !== state.part) Object.assign(state, { part, facts: {} });
  const held = heldBack(step, state.facts);
  if (held !== null) return done(change, index, { heldBack: held }, deps, state);
  const startMs = deps.clock.monotonic();
  if (stops(step)) state.downSinceMs = startMs;
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
  if (facts?.failed !== undefined) throw new StepError(facts.failed, { failing: facts.failing ?? [] });
}

function done(change: Change, index: number, facts: StepFacts, deps: StepDeps, state: RunState): void {
  state.said.push(...notesOf(change.steps[index], facts).map((text) => ({ at: index, text })));
  // What was held back says something of this step and the next, not of those after another archive.
  const { heldBack: _earlier, notes: _said, ...known } = state.facts;
  state.facts = { ...known, ...facts };
  deps.learned?.(change, index, facts);
  settle(change, [index], deps, state);
  releaseAfter(change, [index], state);
}
