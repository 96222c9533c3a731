import type { Notice, NoticeState, Plan } from '../reconciler/types.ts';
import { assertNever } from '../tools/assert-never.ts';
import type { Metrics } from './registry.ts';
import type { Before, CycleRecord } from './types.ts';

export const resourceStates = ['in_sync', 'drifted', 'blocked', 'unknown', 'orphaned', 'suspended'] as const;
export type ResourceState = (typeof resourceStates)[number];

/** Enters one cycle. Gauges say what is now; counters grow. */
export function record(metrics: Metrics, cycle: CycleRecord): void {
  metrics.cycles.inc({ result: cycle.result });
  for (const [phase, ms] of Object.entries(cycle.phases)) metrics.duration.observe({ phase }, ms / 1000);
  recordOutcomes(metrics, cycle.outcomes);
  metrics.lastCycle.set(cycle.at / 1000);
  // A remote that is silent has taken nothing back: what was refused is refused still.
  if (cycle.fetchedAt !== null) {
    metrics.lastFetch.set(cycle.fetchedAt / 1000);
    metrics.refused.set(cycle.refused ? 1 : 0);
  }
  if (cycle.result === 'converged' || cycle.result === 'changed') metrics.lastSuccess.set(cycle.at / 1000);
  for (const severity of ['error', 'warning'] as const) {
    metrics.problems.set({ severity }, cycle.problems.filter((each) => each.severity === severity).length);
  }
  if (cycle.plan !== null) recordPlan(metrics, cycle.plan, cycle);
}

/** A cycle that could not be carried out: nothing is known of it but that. */
export function recordError({ cycles }: Metrics): void {
  cycles.inc({ result: 'error' });
}

/** Ages go on over a restart: an alert on them must neither fire because of one nor fall silent. */
export function seed(metrics: Metrics, { cycleAt, successAt, fetchedAt, refused }: Before): void {
  if (cycleAt !== null) metrics.lastCycle.set(cycleAt / 1000);
  if (successAt !== null) metrics.lastSuccess.set(successAt / 1000);
  if (fetchedAt !== null) metrics.lastFetch.set(fetchedAt / 1000);
  metrics.refused.set(refused ? 1 : 0);
}

/** Changes that ended, in a cycle or beside it. */
export function recordOutcomes(metrics: Metrics, outcomes: CycleRecord['outcomes']): void {
  for (const { change, result } of outcomes)
    metrics.changes.inc({ kind: change.kind, verb: change.verb, result });
}

function recordPlan(metrics: Metrics, plan: Plan, cycle: CycleRecord): void {
  metrics.commit.reset();
  metrics.commit.set({ commit: plan.commit.id, branch: plan.commit.branch }, 1);
  metrics.held.set(plan.held === null ? 0 : 1);
  metrics.exceptions.set(plan.policy.exceptions.length);
  for (const severity of ['error', 'warning'] as const) {
    metrics.policy.set(
      { severity },
      plan.policy.findings.filter((each) => each.severity === severity).length,
    );
  }
  metrics.resources.reset();
  for (const [kind, states] of resourceCounts(plan, cycle.outcomes)) {
    for (const state of resourceStates) metrics.resources.set({ kind, state }, states[state]);
  }
}

/** Each resource once, as it is after the cycle: what was applied is in sync, or gone when it was deleted. */
export function resourceCounts(
  plan: Plan,
  outcomes: CycleRecord['outcomes'],
): Map<string, Record<ResourceState, number>> {
  const states = new Map<string, ResourceState | null>();
  for (const id of plan.inSync) states.set(id, 'in_sync');
  for (const { id } of plan.changes) states.set(id, 'drifted');
  for (const { change, result } of outcomes) {
    if (result === 'applied') states.set(change.id, change.verb === 'delete' ? null : 'in_sync');
  }
  for (const notice of [...plan.reports, ...plan.blocked])
    states.set(notice.id, stateOf(notice.state, notice.verb));
  const counts = new Map<string, Record<ResourceState, number>>();
  for (const [id, state] of states) if (state !== null) countOf(counts, id.split(':', 1)[0] ?? '')[state]++;
  return counts;
}

function countOf(counts: Map<string, Record<ResourceState, number>>, kind: string) {
  const zero = { in_sync: 0, drifted: 0, blocked: 0, unknown: 0, orphaned: 0, suspended: 0 };
  const found = counts.get(kind) ?? zero;
  counts.set(kind, found);
  return found;
}

/** Null: it is no resource of Git's. */
function stateOf(state: NoticeState, verb: Notice['verb']): ResourceState | null {
  switch (state) {
    case 'unknown':
    case 'orphaned':
    case 'suspended':
      return state;
    case 'key-not-exported':
      return 'in_sync';
    case 'not-in-git':
      return null;
    case 'waiting':
    case 'conflict':
    case 'refused':
    case 'backing-off':
    case 'stalled':
    case 'degraded':
    case 'policy':
    case 'running':
      return verb === 'blocked' ? 'blocked' : 'drifted';
    default:
      return assertNever(state);
  }
}
