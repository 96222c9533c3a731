import { sortProblems } from '../desired-state/problems.ts';
import type { CommitInfo, DesiredStack, DesiredState, LoadResult, Problem } from '../desired-state/types.ts';
import type { ObservedContainer, ObservedState, Observer } from '../observers/types.ts';
import type { Clock } from '../tools/clock.ts';
import type { Executor } from './apply/types.ts';
import { type ApplyEvent, applyPlan } from './apply-plan.ts';
import { foreground } from './background.ts';
import { living } from './backup/at-work.ts';
import { firstCome } from './first-come.ts';
import { gateKeeper } from './gate.ts';
import { heldReason } from './hold.ts';
import { hubProblems } from './hub-commit.ts';
import { type Stamped, stampedHashes } from './kinds/stack/stamped.ts';
import { requestForBackups, requestOf } from './observe-request.ts';
import { converged, makePlan, type Planned } from './plan.ts';
import { probeKeeper } from './probe-gate.ts';
import {
  recordAttempt,
  recordAttemptResult,
  recordIntent,
  recordOutcome,
  recordPlan,
  recordUncovered,
} from './record.ts';
import { recordMade, recordMaking, recordUnmade, settleMade } from './record-made.ts';
import { settleClock } from './state/clock-ahead.ts';
import { type Inventory, readInventory, writeEntries } from './state/inventory.ts';
import { announce, discharge } from './state/journal.ts';
import { recordProbes } from './state/probes.ts';
import { type Store, transaction } from './state/store.ts';
import type { Change, Outcome, Plan } from './types.ts';
import type { Asked } from './world.ts';

/** One look at everything: Git → desired; host → observed; diff → plan → apply → record. */

/** Git, as a cycle needs it. */
export interface Source {
  /** The commit to be reconciled. */
  sync(signal?: AbortSignal): Promise<Synced>;
  load(commit: CommitInfo): Promise<LoadResult>;
  /** Fills in what compose would stamp on the containers of these stacks. */
  hashes(stacks: DesiredStack[], commit: CommitInfo): Promise<DesiredStack[]>;
  /** Takes note of what compose has just stamped on the containers of stacks, so that it need not be asked. */
  learn(stamped: Stamped[], commit: CommitInfo): Promise<void>;
  /** The stable checkout becomes this commit; files that were edited there by hand are put right. */
  promote(commit: CommitInfo): Promise<void>;
}

export interface Synced {
  /** The newest one, or with an `error` the last that was good. */
  commit: CommitInfo | null;
  /** Why the newest commit was not got, as a sentence. */
  error: string | null;
  fetched: boolean;
  /** The newest commit, where the reason is that nobody whom this host trusts has signed it. */
  refused: CommitInfo | null;
}

export interface CycleDeps {
  source: Source;
  observer: Observer;
  executor: Executor;
  store: Store;
  clock: Clock;
  onPlan?: (plan: Plan, desired: DesiredState) => void;
  progress?: (event: ApplyEvent) => void;
  /**
   * Who lives, for a plan that is only to be told: what is recorded as under way and is dead is then planned as what it will
   * be once that is put right. Where the plan is carried out, it must be put right first.
   */
  isHeld?: (lockName: string) => boolean;
  signal?: AbortSignal;
}

export type CycleResult =
  | 'converged'
  | 'changed'
  | 'failed'
  | 'bad-commit'
  | 'held'
  | 'blocked'
  | 'no-commit';
export type Phase = 'fetch' | 'load' | 'observe' | 'plan' | 'apply';

export interface Cycle {
  atMs: number;
  result: CycleResult;
  commit: CommitInfo | null;
  plan: Plan | null;
  outcomes: Outcome[];
  problems: Problem[];
  /** Why the remote could not be asked; the last known commit stays in force. */
  fetchError: string | null;
  /** Steward was told to stop while it asked: nobody knows whether the remote would have answered. */
  isCutOff?: true;
  /** The newest commit, where it is not applied for its signature; `fetchError` says why. */
  refused: CommitInfo | null;
  /** Why the commit could not be read although it may be right: a tool is missing, hangs or talks nonsense. */
  loadError: string | null;
  durationsMs: Partial<Record<Phase, number>>;
  /** The desired state that was looked at, for status; null where the commit was bad. */
  desired: DesiredState | null;
}

export interface CycleOptions {
  dry: boolean;
  /** What a person wants now: backups, or proofs of them. May throw, before the host is looked at. */
  asked?: Asked | ((desired: DesiredState) => Asked);
}

/** Plans, and applies unless `dry`. Throws StateError when the state folder fails: then nothing more was begun. */
export async function runCycle(deps: CycleDeps, options: CycleOptions): Promise<Cycle> {
  const cycle = emptyCycle(deps.clock.now());
  const synced = await timed(cycle, 'fetch', deps, () => deps.source.sync(deps.signal));
  cycle.fetchError = synced.error;
  if (synced.error !== null && deps.signal?.aborted === true) cycle.isCutOff = true;
  cycle.commit = synced.commit;
  cycle.refused = synced.refused;
  const { commit } = synced;
  if (commit === null) return { ...cycle, result: 'no-commit' };
  const loaded = await timed(cycle, 'load', deps, () => deps.source.load(commit)).catch(toolError);
  if ('toolError' in loaded) return { ...cycle, result: 'blocked', loadError: loaded.toolError };
  if (!loaded.ok) return { ...cycle, result: 'bad-commit', problems: loaded.problems };
  return reconcile(cycle, loaded.state, commit, deps, options);
}

/** Nobody's mistake in the repository, and no bug: nothing is known, so nothing is done. */
function toolError(error: Error): { toolError: string } {
  if (error.name !== 'ToolError') throw error;
  return { toolError: error.message };
}

async function reconcile(
  cycle: Cycle,
  read: DesiredState,
  commit: CommitInfo,
  deps: CycleDeps,
  options: CycleOptions,
): Promise<Cycle> {
  if (!options.dry) settleClock(deps.store, deps.clock.now());
  const recorded = readInventory(deps.store);
  const { isHeld } = deps;
  const backups = isHeld === undefined ? recorded.backups : living(recorded.backups, isHeld);
  const inventory = { ...recorded, backups };
  const loaded = firstCome(read, inventory);
  // What a person asks for may be of a service that a held commit would remove: whoever asks looks at the last good one.
  if (options.asked !== undefined && heldReason(loaded, inventory) !== null)
    return { ...cycle, result: 'held', desired: loaded };
  const asked = typeof options.asked === 'function' ? options.asked(loaded) : options.asked;
  const wish = asked === undefined ? requestOf : requestForBackups;
  const observed = await timed(cycle, 'observe', deps, () =>
    deps.observer.observe(wish(loaded, inventory, deps.signal)),
  );
  const made = settleMade(inventory, observed);
  if (!options.dry) writeEntries(deps.store, made, []);
  const warnings = sortProblems([...loaded.warnings, ...hubProblems(loaded, observed, inventory)]);
  if (warnings.some(({ severity }) => severity === 'error'))
    return { ...cycle, result: 'bad-commit', problems: warnings };
  const desired = { ...loaded, warnings };
  // The same for the plan and for what is kept of it: a tick between the two would be lost.
  const nowMs = deps.clock.now();
  const planned = await timed(cycle, 'plan', deps, async () => {
    const hashed = await withHashes(desired, observed, commit, deps.source);
    const input = { desired: hashed, observed, inventory, nowMs };
    return makePlan(asked === undefined ? input : { ...input, asked });
  });
  const { plan } = planned;
  deps.onPlan?.(plan, desired);
  const seen: Cycle = { ...cycle, plan, desired, problems: desired.warnings };
  // What a person's own run has seen is so, although it is no cycle.
  if (asked !== undefined) recordUncovered(deps.store, planned, inventory);
  if (options.dry) return { ...seen, result: resultOf(plan, []) };
  if (plan.held !== null) return { ...seen, result: 'held' };
  await deps.source.promote(commit);
  recordPlan(deps.store, planned, inventory, stacksOf(desired), nowMs);
  const outcomes = await timed(cycle, 'apply', deps, () => apply(planned, inventory, deps, desired));
  return { ...seen, durationsMs: cycle.durationsMs, outcomes, result: resultOf(foreground(plan), outcomes) };
}

async function apply(
  planned: Planned,
  inventory: Inventory,
  deps: CycleDeps,
  desired: DesiredState,
): Promise<Outcome[]> {
  const { store, clock } = deps;
  const commit = planned.plan.commit.id;
  const stackOf = (change: Change): DesiredStack | null => {
    const resource = planned.subjects.get(change.id);
    return resource?.kind === 'compose-stack' ? resource : null;
  };
  const look = () => deps.observer.observeContainers(deps.signal);
  const settled = new Map<string, ObservedContainer[]>();
  const outcomes = await applyPlan(foreground(planned.plan), {
    executor: deps.executor,
    gate: gateKeeper(look, clock, (project, containers) => settled.set(project, containers)),
    probe: probeKeeper(deps.observer, clock, ({ service, targets }, answers) =>
      recordProbes(store, service, targets, answers, clock.now()),
    ),
    clock,
    parallel: desired.limits.parallel,
    announce: (change, step) => {
      const stack = step === 0 ? stackOf(change) : null;
      transaction(store, () => {
        announce(store, change, step, commit, clock.now());
        if (stack !== null) recordAttempt(store, stack, inventory, commit, clock.now());
        if (step === 0) recordIntent(store, change, planned, inventory);
        recordMaking(store, change, step, planned, inventory);
      });
    },
    learned: (change, step) => recordMade(store, change, step, planned, inventory),
    failed: (change, step, error) => {
      if (deps.signal?.aborted !== true) recordUnmade(error, store, change, step, planned, inventory);
    },
    finished: (outcome) => {
      const { change, result, error, durationMs } = outcome;
      const { id, verb, reasons } = change;
      const stack = stackOf(change);
      transaction(store, () => {
        recordOutcome(store, outcome, planned, inventory);
        if (stack !== null) recordAttemptResult(store, stack, inventory, commit, outcome);
        discharge(store, { atMs: clock.now(), id, verb, commit, result, error, durationMs, reasons });
      });
    },
    ...(deps.progress === undefined ? {} : { progress: deps.progress }),
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
  });
  const stamped = stacksOf(desired).flatMap(
    (stack) => stampedHashes(stack, settled.get(stack.name) ?? []) ?? [],
  );
  if (stamped.length > 0) await deps.source.learn(stamped, planned.plan.commit);
  return outcomes;
}

/** Compose is asked only about stacks that have containers: there is nothing to compare the others with. */
async function withHashes(
  desired: DesiredState,
  observed: ObservedState,
  commit: CommitInfo,
  source: Source,
): Promise<DesiredState> {
  if (!observed.docker.known) return desired;
  const projects = new Set(observed.docker.value.containers.map((container) => container.project));
  const asked = stacksOf(desired).filter((stack) => projects.has(stack.name));
  if (asked.length === 0) return desired;
  const hashed = new Map((await source.hashes(asked, commit)).map((stack) => [stack.id, stack]));
  return { ...desired, resources: desired.resources.map((resource) => hashed.get(resource.id) ?? resource) };
}

function stacksOf(desired: DesiredState): DesiredStack[] {
  return desired.resources.filter((resource) => resource.kind === 'compose-stack');
}

function resultOf(plan: Plan, outcomes: Outcome[]): CycleResult {
  if (outcomes.some((outcome) => outcome.result !== 'applied')) return 'failed';
  if (plan.held !== null) return 'held';
  if (plan.blocked.length > 0) return 'blocked';
  return converged(plan) ? 'converged' : 'changed';
}

function emptyCycle(atMs: number): Cycle {
  const nothing = {
    commit: null,
    plan: null,
    outcomes: [],
    problems: [],
    fetchError: null,
    refused: null,
    loadError: null,
    desired: null,
  };
  return { atMs, result: 'no-commit', durationsMs: {}, ...nothing };
}

async function timed<T>(cycle: Cycle, phase: Phase, deps: CycleDeps, action: () => Promise<T>): Promise<T> {
  const start = deps.clock.monotonic();
  try {
    return await action();
  } finally {
    cycle.durationsMs[phase] = deps.clock.monotonic() - start;
  }
}
