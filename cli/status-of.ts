import type { DesiredState } from '../desired-state/types.ts';
import { foreground } from '../reconciler/background.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import { degraded } from '../reconciler/plan.ts';
import type { ServiceRecord } from '../reconciler/state/inventory.ts';
import type { Notice, Plan } from '../reconciler/types.ts';
import { placeOf } from './render/reason.ts';
import type { ServiceState, ServiceStatus, Status } from './render/types.ts';

/**
 * What a cycle found, service by service, for `status` and the loop's /status. `before`: what was last told, which stays
 * where nobody has looked at the host. `inForce`: what was seen by the commit in force, where that of the cycle waits or is
 * bad. Pure.
 */
export function statusOf(
  cycle: Cycle,
  records: ReadonlyMap<string, ServiceRecord>,
  before: Status | null,
  inForce: Cycle = cycle,
): Status & { lastCycle: object } {
  const { commit } = cycle;
  const { plan, desired } = inForce;
  return {
    commit: commit?.id ?? null,
    lastCycle: { at: cycle.atMs, result: cycle.result, durationMs: total(cycle) },
    problems: cycle.problems,
    held: cycle.plan?.held ?? null,
    ...(cycle.isCutOff === true ? fetchedBefore(before) : fetchedNow(cycle)),
    ...(plan === null || desired === null || plan.held !== null
      ? seenBefore(before)
      : seenNow(inForce, plan, desired, records)),
    // Nothing was tried: the host is where it was.
    ...(inForce === cycle ? {} : { appliedCommit: before?.appliedCommit ?? null }),
  };
}

type Fetched = Pick<Status, 'repositoryError' | 'refused'>;

function fetchedNow({ fetchError, refused }: Cycle): Fetched {
  const told = refused === null ? null : { id: refused.id, subject: refused.subject };
  return { repositoryError: fetchError, refused: told };
}

function fetchedBefore(before: Status | null): Fetched {
  return { repositoryError: before?.repositoryError ?? null, refused: before?.refused ?? null };
}

/** What only a look at the host tells. */
type Seen = Pick<
  Status,
  'appliedCommit' | 'services' | 'policy' | 'notInGit' | 'routeTroubles' | 'degraded' | 'orphans' | 'seenAt'
>;

function seenNow(
  cycle: Cycle,
  plan: Plan,
  desired: DesiredState,
  records: ReadonlyMap<string, ServiceRecord>,
): Seen {
  const reports = (wanted: Notice['state']) => plan.reports.filter(({ state }) => state === wanted);
  return {
    appliedCommit: isDone(plan, cycle) ? plan.commit.id : null,
    services: servicesOf(cycle, plan, desired, records),
    policy: desired.policy,
    notInGit: reports('not-in-git').flatMap(({ reasons }) => reasons.flatMap(({ note }) => note ?? [])),
    ...routeTroubles(cycle),
    degraded: degraded(plan).map(({ id }) => id),
    orphans: reports('orphaned').map(({ id }) => id),
  };
}

function seenBefore(before: Status | null): Seen {
  if (before === null) return { appliedCommit: null, services: [], orphans: [] };
  const { appliedCommit, services, policy, notInGit, routeTroubles, orphans, lastCycle } = before;
  const { seenAt = lastCycle?.at } = before;
  return {
    ...{ appliedCommit, services, orphans },
    ...(policy === undefined ? {} : { policy }),
    ...(notInGit === undefined ? {} : { notInGit }),
    ...(routeTroubles === undefined ? {} : { routeTroubles }),
    ...(before.degraded === undefined ? {} : { degraded: before.degraded }),
    ...(seenAt === undefined ? {} : { seenAt }),
  };
}

/** Whether all that runs is as the commit says. A backup that failed has its own line, and takes nothing of that away. */
function isDone(plan: Plan, { outcomes }: Cycle): boolean {
  const failed = outcomes.filter(({ result }) => result !== 'applied').map(({ change }) => change);
  return [...plan.blocked, ...failed].every(({ kind }) => isBeside(kind));
}

function isBeside(kind: Notice['kind']): boolean {
  return kind === 'backup' || kind === 'borg-repository';
}

export function isApplied(cycle: Cycle): boolean {
  return cycle.result === 'converged' || cycle.result === 'changed';
}

export function total(cycle: Cycle): number {
  return Object.values(cycle.durationsMs).reduce((sum, ms) => sum + ms, 0);
}

function servicesOf(
  cycle: Cycle,
  plan: Plan,
  desired: DesiredState,
  records: ReadonlyMap<string, ServiceRecord>,
): ServiceStatus[] {
  const suspended = new Set(desired.suspended);
  const troubles = troublesOf(cycle, plan);
  const pending = pendingOf(cycle, plan);
  return desired.services.map((name) => {
    const trouble = suspended.has(name) ? undefined : troubles.get(name);
    const quiet = suspended.has(name) ? 'suspended' : pending.has(name) ? 'drifted' : 'in-sync';
    const { appliedCommit = null, attemptedCommit = null } = records.get(name) ?? {};
    return { name, state: quiet, appliedCommit, attemptedCommit, ...trouble };
  });
}

type Trouble = Pick<ServiceStatus, 'state' | 'error'>;

/** The worst of each service: what failed, before what keeps it from being tried, before what waits for that. */
function troublesOf(cycle: Cycle, plan: Plan): Map<string, Trouble> {
  const waiting = plan.blocked.filter(({ state }) => state === 'waiting');
  const stopped = plan.blocked.filter(({ state }) => state !== 'waiting');
  const obstacles = [...stopped, ...waiting].map((notice): [string | null, Trouble] => [
    notice.service,
    { state: blockedState(notice), error: sentence(notice) },
  ]);
  const failures = cycle.outcomes
    .filter(({ result }) => result !== 'applied')
    .map(({ change, error }): [string | null, Trouble] => [
      change.service,
      { state: 'failed', ...(error === null ? {} : { error }) },
    ]);
  const troubles = new Map<string, Trouble>();
  for (const [service, trouble] of [...failures, ...obstacles])
    if (service !== null && !troubles.has(service)) troubles.set(service, trouble);
  return troubles;
}

/** What keeps routes from being loaded: Caddy refuses them, in a plan or only when it is to run them, or they wait. */
function routeTroubles({ plan, outcomes }: Cycle): Pick<Status, 'routeTroubles'> {
  const blocked = (plan?.blocked ?? []).map((each) => [each, sentence(each)] as const);
  const failed = outcomes
    .filter(({ result }) => result !== 'applied')
    .map(({ change, error }) => [change, error ?? 'they were not loaded'] as const);
  const own = [...blocked, ...failed].filter(
    ([{ kind, name, service }]) => kind === 'caddy-route' && name === service,
  );
  if (own.length === 0) return {};
  return { routeTroubles: Object.fromEntries(own.map(([{ name }, words]) => [name, words])) };
}

/** Services with a change that was not carried out. */
function pendingOf(cycle: Cycle, plan: Plan): Set<string | null> {
  const tried = new Set(cycle.outcomes.map(({ change }) => change.id));
  // What is carried out beside the cycles waits for its turn: nothing is wrong with the service meanwhile.
  const own = foreground(plan).changes.filter(({ id }) => !tried.has(id));
  return new Set(own.map(({ service }) => service));
}

function blockedState({ state }: Notice): ServiceState {
  if (state === 'unknown' || state === 'stalled' || state === 'backing-off') return state;
  return state === 'degraded' ? 'failed' : 'blocked';
}

function sentence(notice: Notice): string {
  const [reason] = notice.reasons;
  // What breaks a rule is a line of a file, and the way out is there.
  const place =
    notice.state === 'policy' && reason?.origin !== undefined ? ` (${placeOf(reason.origin)})` : '';
  return `${notice.id}: ${reason?.note ?? reason?.field ?? notice.state}${place}`;
}
