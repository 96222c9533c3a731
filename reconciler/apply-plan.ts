import PQueue from 'p-queue';
import type { ResourceId } from '../desired-state/types.ts';
import type { Clock } from '../tools/clock.ts';
import type { Executor } from './apply/types.ts';
import type { GateKeeper } from './gate.ts';
import type { Change, Outcome, Plan } from './types.ts';

/**
 * Carries a plan out and decides nothing. Removals run first; then every change starts as soon as what it needs is
 * done, side by side up to a limit, and what is furthest along first: a stack whose network is there does not wait
 * for forty more networks, which Docker makes one after the other anyway. A failure stops what needs it and nothing
 * else (law 8). A health gate is waited for outside the limit: waiting costs nothing, and a slow database must not
 * hold up its neighbours.
 */
export interface ApplyDeps {
  executor: Executor;
  gate: GateKeeper;
  clock: Clock;
  parallel: number;
  /** Law 4. Writes down what is about to happen; when it throws, nothing more is started. */
  announce(change: Change, step: number): void;
  /** Called once for each change that was begun. */
  finished(outcome: Outcome): void;
  progress?: (event: ApplyEvent) => void;
  /** Fires when Steward is told to stop: steps under way end, no further one begins. */
  signal?: AbortSignal;
}

export type ApplyEvent =
  | { type: 'started'; change: Change }
  | { type: 'waiting'; change: Change }
  | { type: 'finished'; outcome: Outcome };

export async function applyPlan(plan: Plan, deps: ApplyDeps): Promise<Outcome[]> {
  const isRemoval = (change: Change) => change.verb === 'delete';
  const removals = await applyAll(plan.changes.filter(isRemoval), deps);
  const rest = await applyAll(
    plan.changes.filter((change) => !isRemoval(change)),
    deps,
    removals,
  );
  return [...removals, ...rest];
}

async function applyAll(changes: Change[], deps: ApplyDeps, earlier: Outcome[] = []): Promise<Outcome[]> {
  const queue = new PQueue({ concurrency: deps.parallel });
  const depths = new Map<ResourceId, number>();
  const pending = new Map<ResourceId, Promise<Outcome>>();
  for (const outcome of earlier) pending.set(outcome.change.id, Promise.resolve(outcome));
  const stop = { error: null as unknown };
  for (const change of changes) {
    // Plans are ordered: whatever a change needs has its promise already.
    const needs = change.needs.flatMap((id) => pending.get(id) ?? []);
    const priority = 1 + Math.max(0, ...change.needs.map((id) => depths.get(id) ?? 0));
    depths.set(change.id, priority);
    const turn: Turn = (run) => queue.add(run, { priority });
    pending.set(change.id, applyAfter(needs, change, turn, deps, stop));
  }
  const outcomes = await Promise.all(changes.map((change) => pending.get(change.id) as Promise<Outcome>));
  if (stop.error !== null) throw stop.error;
  return outcomes;
}

type Stop = { error: unknown };
/** Runs it when it is its turn. */
type Turn = <T>(run: () => Promise<T>) => Promise<T>;

async function applyAfter(
  needs: Promise<Outcome>[],
  change: Change,
  turn: Turn,
  deps: ApplyDeps,
  stop: Stop,
): Promise<Outcome> {
  const failed = (await Promise.all(needs)).find((outcome) => outcome.result !== 'applied');
  if (failed !== undefined) return skip(change, `needs ${failed.change.id}, which was not applied`, deps);
  const start = deps.clock.monotonic();
  const error = await turn(() => runSteps(change, deps, stop));
  const gateError = error === null ? await passGate(change, deps) : null;
  return finish(change, error ?? gateError, deps.clock.monotonic() - start, deps, stop);
}

/** Null when every step ended well; otherwise what stopped it. `begun: false` when nothing was touched. */
interface StepFailure {
  message: string;
  begun: boolean;
}

async function runSteps(change: Change, deps: ApplyDeps, stop: Stop): Promise<StepFailure | null> {
  for (const [index, step] of change.steps.entries()) {
    if (stop.error !== null || deps.signal?.aborted === true) {
      return { message: 'Steward was told to stop', begun: index > 0 };
    }
    try {
      deps.announce(change, index);
    } catch (error) {
      stop.error ??= error;
      return { message: (error as Error).message, begun: index > 0 };
    }
    if (index === 0) deps.progress?.({ type: 'started', change });
    try {
      await deps.executor.execute(step, {});
    } catch (error) {
      return { message: explain(error), begun: true };
    }
  }
  return null;
}

/** A StepError is a sentence already. Anything else is a bug or a tool's surprise: said once, with its cause. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  if (error.name === 'SimulatedCrash') throw error;
  return error.message;
}

async function passGate(change: Change, deps: ApplyDeps): Promise<StepFailure | null> {
  if (change.gate === undefined) return null;
  deps.progress?.({ type: 'waiting', change });
  const message = await deps.gate(change.gate, deps.signal);
  return message === null ? null : { message, begun: true };
}

function skip(change: Change, error: string, deps: ApplyDeps): Outcome {
  const outcome: Outcome = { change, result: 'skipped', error, durationMs: 0, downtimeMs: 0 };
  deps.progress?.({ type: 'finished', outcome });
  return outcome;
}

function finish(
  change: Change,
  failure: StepFailure | null,
  durationMs: number,
  deps: ApplyDeps,
  stop: Stop,
): Outcome {
  if (failure !== null && !failure.begun) return skip(change, failure.message, deps);
  const result = failure === null ? 'applied' : 'failed';
  // An upper bound: from the first step to the open gate. Nothing that runs on is counted.
  const downtimeMs = change.disruption.containers.length > 0 ? durationMs : 0;
  const outcome: Outcome = { change, result, error: failure?.message ?? null, durationMs, downtimeMs };
  try {
    deps.finished(outcome);
  } catch (error) {
    stop.error ??= error;
  }
  deps.progress?.({ type: 'finished', outcome });
  return outcome;
}
