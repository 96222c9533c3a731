import type { Cycle } from '../reconciler/cycle.ts';
import type { ServiceRecord } from '../reconciler/state/inventory.ts';
import type { Notice, Plan } from '../reconciler/types.ts';
import type { ServiceState, ServiceStatus, Status } from './render/types.ts';

/** What a cycle found, service by service, for `status` and the loop's /status. Pure. */
export function statusOf(cycle: Cycle, records: ReadonlyMap<string, ServiceRecord>): Status {
  const { plan, desired, commit } = cycle;
  const services =
    plan === null || desired === null
      ? []
      : desired.services.map((name) => serviceOf(name, cycle, plan, records));
  return {
    commit: commit?.id ?? null,
    appliedCommit: isApplied(cycle) ? (commit?.id ?? null) : null,
    lastCycle: { at: cycle.atMs, result: cycle.result, durationMs: total(cycle) },
    services,
    problems: cycle.problems,
    held: plan?.held ?? null,
    orphans: (plan?.reports ?? []).filter(({ state }) => state === 'orphaned').map(({ id }) => id),
  };
}

export function isApplied(cycle: Cycle): boolean {
  return cycle.result === 'converged' || cycle.result === 'changed';
}

export function total(cycle: Cycle): number {
  return Object.values(cycle.durationsMs).reduce((sum, ms) => sum + ms, 0);
}

function serviceOf(
  name: string,
  cycle: Cycle,
  plan: Plan,
  records: ReadonlyMap<string, ServiceRecord>,
): ServiceStatus {
  const record = records.get(name);
  const failure = cycle.outcomes.find(
    ({ change, result }) => change.service === name && result !== 'applied',
  );
  const obstacle =
    plan.blocked.find((notice) => notice.service === name && notice.state !== 'waiting') ??
    plan.blocked.find((notice) => notice.service === name);
  const error = failure?.error ?? (obstacle === undefined ? null : sentence(obstacle));
  return {
    name,
    state: stateOf(name, cycle, plan, failure !== undefined, obstacle),
    appliedCommit: record?.appliedCommit ?? null,
    attemptedCommit: record?.attemptedCommit ?? null,
    ...(error === null ? {} : { error }),
  };
}

function stateOf(
  name: string,
  cycle: Cycle,
  plan: Plan,
  failed: boolean,
  obstacle: Notice | undefined,
): ServiceState {
  if (cycle.desired?.suspended.includes(name)) return 'suspended';
  if (failed) return 'failed';
  if (obstacle !== undefined) return blockedState(obstacle);
  const applied = new Set(cycle.outcomes.map(({ change }) => change.id));
  const isPending = plan.changes.some((change) => change.service === name && !applied.has(change.id));
  return isPending ? 'drifted' : 'in-sync';
}

function blockedState({ state }: Notice): ServiceState {
  if (state === 'unknown' || state === 'stalled' || state === 'backing-off') return state;
  return state === 'degraded' ? 'failed' : 'blocked';
}

function sentence(notice: Notice): string {
  const [reason] = notice.reasons;
  return `${notice.id}: ${reason?.note ?? reason?.field ?? notice.state}`;
}
