import PQueue from 'p-queue';
import type { ResourceId } from '../desired-state/types.ts';
import type { GateKeeper } from './gate.ts';
import type { ProbeKeeper } from './probe-gate.ts';
import type { StepFailure, StepsRun } from './run-state.ts';
import { runSteps } from './run-steps.ts';
import type { StepDeps, StepEvent, Stop } from './step-deps.ts';
import type { Change, Outcome, Plan } from './types.ts';

/**
 * Carries a plan out and decides nothing. Removals run first; then every change starts as soon as what it needs is
 * done, side by side up to a limit, and what is furthest along first: a stack whose network is there does not wait
 * for forty more networks, which Docker makes one after the other anyway. A failure stops what needs it and nothing
 * else (law 8). A health gate is waited for outside the limit: waiting costs nothing, and a slow database must not
 * hold up its neighbours.
 */
export interface ApplyDeps extends StepDeps {
  gate: GateKeeper;
  probe: ProbeKeeper;
  parallel: number;
  /** When its turn comes: a sentence where what it is for has come about since it was planned; null where not. */
  isDone?(change: Change): string | null;
  /** Called once for each change that was begun. */
  finished(outcome: Outcome): void;
  progress?: (event: ApplyEvent) => void;
}

export type ApplyEvent =
  | StepEvent
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
  const imageTurns = new PQueue({ concurrency: 1 });
  const depths = new Map<ResourceId, number>();
  const pending = new Map<ResourceId, Promise<Outcome>>();
  for (const outcome of earlier) pending.set(outcome.change.id, Promise.resolve(outcome));
  const stop = { error: null as unknown };
  for (const change of changes) {
    // Plans are ordered: whatever a change needs has its promise already.
    const needs = change.needs.flatMap((id) => pending.get(id) ?? []);
    const priority = 1 + Math.max(0, ...change.needs.map((id) => depths.get(id) ?? 0));
    depths.set(change.id, priority);
    const next: Turn = (run) => queue.add(run, { priority });
    const turn: Turn = change.imageTurn === true ? (run) => imageTurns.add(() => next(run)) : next;
    pending.set(change.id, applyAfter(needs, change, turn, deps, stop));
  }
  const outcomes = await Promise.all(changes.map((change) => pending.get(change.id) as Promise<Outcome>));
  if (stop.error !== null) throw stop.error;
  return outcomes;
}

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
  const ran = await turn(() => runUnlessDone(change, deps, stop));
  const failure = ran.failure ?? (await passGate(change, deps));
  return finish({ ...ran, failure }, change, deps.clock.monotonic() - start, deps, stop);
}

async function runUnlessDone(change: Change, deps: ApplyDeps, stop: Stop): Promise<StepsRun> {
  const done = deps.isDone?.(change) ?? null;
  if (done === null) return runSteps(change, deps, stop);
  return { failure: null, notes: [done], parts: [], data: null, downtimeMs: 0, preparedMs: 0 };
}

async function passGate(change: Change, deps: ApplyDeps): Promise<StepFailure | null> {
  const { gate, probe } = change;
  if (gate === undefined && probe === undefined) return null;
  deps.progress?.({ type: 'waiting', change });
  const unwell = gate === undefined ? null : await deps.gate(gate, deps.signal);
  const message = unwell ?? (probe === undefined ? null : await deps.probe(probe, deps.signal));
  return message === null ? null : { message, begun: true };
}

function skip(change: Change, error: string, deps: ApplyDeps): Outcome {
  const outcome: Outcome = { change, result: 'skipped', error, durationMs: 0, downtimeMs: 0 };
  deps.progress?.({ type: 'finished', outcome });
  return outcome;
}

function finish(
  { failure, notes, parts, downtimeMs: measuredMs, preparedMs }: StepsRun,
  change: Change,
  durationMs: number,
  deps: ApplyDeps,
  stop: Stop,
): Outcome {
  if (failure !== null && !failure.begun) return skip(change, failure.message, deps);
  const result = failure === null ? 'applied' : 'failed';
  // An upper bound where no step says it: from the first step to the open gate. Nothing that runs on is counted.
  const downtimeMs = measuredMs ?? (change.disruption.containers.length > 0 ? durationMs - preparedMs : 0);
  const error = failure?.message ?? null;
  const noted = { ...(notes.length === 0 ? {} : { notes }), ...(parts.length === 0 ? {} : { parts }) };
  const outcome: Outcome = { change, result, error, durationMs, downtimeMs, ...noted };
  try {
    deps.finished(outcome);
  } catch (error) {
    stop.error ??= error;
  }
  deps.progress?.({ type: 'finished', outcome });
  return outcome;
}
