import type { DesiredResource, DesiredStack, DesiredState, ResourceId } from '../desired-state/types.ts';
import type { ObservedState } from '../observers/types.ts';
import { togetherChange } from './backup/change.ts';
import type { Uncovered } from './backup/uncovered.ts';
import { heldReason } from './hold.ts';
import { inImageTurns } from './image-turns.ts';
import { notInGit } from './isolation.ts';
import { backupPlan } from './kinds/backup.ts';
import { afterNewHub as tellingNewHub } from './kinds/caddy-route.ts';
import { afterNewHub as rejoining } from './kinds/hub-attachment.ts';
import { diffResource, pruneEntry } from './kinds/index.ts';
import { inOrder } from './order.ts';
import { breaksPolicy, holdByPolicy } from './policy.ts';
import type { Inventory } from './state/inventory.ts';
import type { Change, Notice, Plan } from './types.ts';
import { toldOfUnsettled } from './unsettled.ts';
import { type Asked, makeWorld, notice, type Verdict, type World, why } from './world.ts';

/**
 * Planning is a pure function: every declared resource and every recorded one that is declared no more gets a
 * verdict from its kind; then what needs something that is held back is held back too; then the changes are put in
 * order. Nothing is left for apply to decide.
 */
export interface PlanInput {
  desired: DesiredState;
  observed: ObservedState;
  inventory: Inventory;
  nowMs: number;
  asked?: Asked;
}

/** The plan, and what the inventory is to record where a resource is, or becomes, as Git says. */
export interface Planned {
  plan: Plan;
  /** id -> facts to record. */
  data: Map<ResourceId, Record<string, unknown>>;
  gone: ResourceId[];
  /** What the plan speaks of: declared resources by id. */
  subjects: ReadonlyMap<ResourceId, DesiredResource>;
  subnets: ReadonlyMap<string, string>;
  /** Service -> what is inside its data and in no archive of it. */
  uncovered: ReadonlyMap<string, Uncovered[]>;
}

export function makePlan(input: PlanInput): Planned {
  const world = makeWorld(input);
  const verdicts = settledVerdicts(world);
  const picked = inImageTurns(pickChanges(verdicts, world), verdicts, world);
  const changes = inOrder(merged(picked, verdicts, world));
  const plan: Plan = {
    commit: input.desired.commit,
    inSync: pick(verdicts, (verdict, id) => (verdict.state === 'in-sync' ? [id] : [])),
    changes,
    blocked: pick(verdicts, (verdict) => (verdict.state === 'blocked' ? [verdict.notice] : [])),
    reports: [
      ...pick(verdicts, (verdict) => (verdict.state === 'report' ? [verdict.notice] : [])),
      ...notInGit(world),
    ],
    held: heldReason(input.desired, input.inventory),
    problems: input.desired.warnings,
    policy: input.desired.policy,
  };
  return {
    plan,
    data: dataOf(verdicts),
    gone: goneIds(verdicts),
    subjects: world.byId,
    subnets: world.subnets,
    uncovered: world.uncovered,
  };
}

/** By id. */
function settledVerdicts(world: World): Map<ResourceId, Verdict> {
  const verdicts = verdictsOf(world);
  holdByPolicy(verdicts, world);
  afterHub(verdicts, world);
  holdDependents(verdicts, world);
  return new Map([...verdicts].sort(byId));
}

function verdictsOf(world: World): Map<ResourceId, Verdict> {
  const suspended = new Set(world.desired.suspended);
  const verdicts = new Map<ResourceId, Verdict>();
  const { restoring, recovering } = world.inventory;
  for (const resource of world.desired.resources) {
    if (resource.service !== null && restoring.has(resource.service)) {
      if (isRunOrArchived(resource))
        verdicts.set(resource.id, waitingVerdict(resource, restoring.get(resource.service) ?? ''));
      continue;
    }
    const waits = recovering.get(resource.service ?? '');
    // A repository that is not there may be in the wrong place: none is made where archives are looked for.
    if (waits !== undefined && (isRunOrArchived(resource) || resource.kind === 'borg-repository')) {
      verdicts.set(resource.id, waitingVerdict(resource, waits.why));
      continue;
    }
    // Owners are those of the archive, until all of them are moved to the numbers of this server.
    if (waits?.isPart === true && resource.kind === 'directory') continue;
    const isSuspended = resource.service !== null && suspended.has(resource.service);
    if (!isSuspended) verdicts.set(resource.id, onWholeData(resource, diffResource(resource, world), world));
    else if (resource.kind === 'compose-stack') verdicts.set(resource.id, suspendedVerdict(resource));
    const verdict = verdicts.get(resource.id);
    if (resource.kind === 'compose-stack' && verdict !== undefined)
      verdicts.set(resource.id, toldOfUnsettled(resource, verdict, world));
  }
  for (const entry of world.inventory.entries.values()) {
    const isLeftAlone =
      entry.service !== null && (restoring.has(entry.service) || breaksPolicy(entry.service, world));
    if (!world.byId.has(entry.id) && !isLeftAlone) verdicts.set(entry.id, pruneEntry(entry, world));
  }
  return verdicts;
}

/** Half of what was archived and half of what was there must neither run, nor be archived, nor get other owners. */
function waitingVerdict(resource: DesiredResource, note: string): Verdict {
  return { state: 'blocked', notice: notice(resource, 'blocked', 'waiting', [why(note)]) };
}

/** A stack that mounts data of another service as well is not started on half of that either. */
function onWholeData(resource: DesiredResource, verdict: Verdict, { byId, inventory }: World): Verdict {
  if (resource.kind !== 'compose-stack' || verdict.state !== 'change') return verdict;
  const grounds = resource.needs.flatMap((id) => byId.get(id) ?? []);
  const half = grounds.find(
    ({ kind, service }) =>
      kind === 'zfs-dataset' &&
      service !== null &&
      service !== resource.service &&
      (inventory.restoring.has(service) || inventory.recovering.has(service)),
  );
  return half === undefined
    ? verdict
    : waitingVerdict(resource, `it mounts data of ${half.service}, which is not back yet`);
}

function isRunOrArchived({ kind }: DesiredResource): boolean {
  return kind === 'compose-stack' || kind === 'backup';
}

function suspendedVerdict(resource: Parameters<typeof notice>[0]): Verdict {
  const reasons = [why('suspend: true in service.yaml; left exactly as it is')];
  return { state: 'report', notice: notice(resource, 'report', 'suspended', reasons) };
}

/** What the new container of a hub is not on is not right, although it is now; and it can be told what this one cannot. */
function afterHub(verdicts: Map<ResourceId, Verdict>, world: World): void {
  for (const resource of world.desired.resources) {
    const own = verdicts.get(resource.id);
    if (resource.kind === 'hub-attachment') {
      const hub = verdicts.get(resource.hub.stack);
      if (own?.state !== 'in-sync' || hub?.state !== 'change') continue;
      const change = rejoining(resource, hub.change);
      if (change !== null) verdicts.set(resource.id, { ...own, state: 'change', change });
    }
    if (resource.kind === 'caddy-route') {
      const hub = verdicts.get(world.desired.hub?.stack ?? resource.id);
      const isUntold = own?.state === 'blocked' && own.notice.state === 'unknown';
      if (!isUntold || hub?.state !== 'change' || breaksPolicy(resource.service, world)) continue;
      const verdict = tellingNewHub(resource, hub.change, world);
      if (verdict !== null) verdicts.set(resource.id, verdict);
    }
  }
}

/** Resources come in creation order, needs first, so that one pass carries a block all the way down. */
function holdDependents(verdicts: Map<ResourceId, Verdict>, world: World): void {
  for (const resource of needsFirst(world)) {
    const verdict = verdicts.get(resource.id);
    if (verdict?.state === 'in-sync' && resource.kind === 'compose-stack')
      warnOfLostGround(resource, verdicts);
    if (verdict?.state !== 'change' || verdict.change.verb === 'delete') continue;
    const obstacle = verdict.change.needs.find((id) => verdicts.get(id)?.state === 'blocked');
    if (obstacle === undefined) continue;
    const reasons = [why(`waits for ${obstacle}`), ...verdict.change.reasons];
    verdicts.set(resource.id, { state: 'blocked', notice: notice(resource, 'blocked', 'waiting', reasons) });
  }
}

/** A stack that runs on as if nothing were, above a dataset that is known to be gone or elsewhere, is not in sync. */
function warnOfLostGround(stack: DesiredStack, verdicts: Map<ResourceId, Verdict>): void {
  const lost = stack.needs.find((id) => {
    const ground = verdicts.get(id);
    return id.startsWith('zfs-dataset:') && ground?.state === 'blocked' && ground.notice.state !== 'unknown';
  });
  if (lost === undefined) return;
  const reasons = [why(`its containers run, but ${lost} is not there for them`)];
  verdicts.set(stack.id, { state: 'blocked', notice: notice(stack, 'blocked', 'degraded', reasons) });
}

function needsFirst(world: World): DesiredState['resources'] {
  const seen = new Set<ResourceId>();
  const sorted: DesiredState['resources'] = [];
  const visit = (id: ResourceId): void => {
    const resource = world.byId.get(id);
    if (resource === undefined || seen.has(id)) return;
    seen.add(id);
    for (const need of resource.needs) visit(need);
    sorted.push(resource);
  };
  for (const resource of world.desired.resources) visit(resource.id);
  return sorted;
}

/** Only needs that change in this plan are kept: the others are right already. */
function pickChanges(verdicts: Map<ResourceId, Verdict>, world: World): Change[] {
  const changes = pick(verdicts, (verdict) => (verdict.state === 'change' ? [verdict.change] : []));
  const changing = new Set(changes.map((change) => change.id));
  return changes.map((change) => ({
    ...change,
    needs: [...new Set(change.needs)].filter((id) => changing.has(id) && id !== change.id).sort(),
    reasons: change.reasons.map((reason) =>
      change.verb === 'delete' ? { ...reason, ...gitNote(world) } : reason,
    ),
  }));
}

/** Backups that are wanted at one instant are one change. */
function merged(changes: Change[], verdicts: Map<ResourceId, Verdict>, world: World): Change[] {
  const { asked } = world;
  if (asked?.together !== true) return changes;
  const wanted = world.desired.resources.filter(
    (resource) => resource.kind === 'backup' && asked.services.includes(resource.service),
  );
  const ready = wanted.filter(({ id }) => verdicts.get(id)?.state === 'change');
  const plans = ready.flatMap((each) =>
    each.kind === 'backup' ? [backupPlan(each, asked.atMs, world)] : [],
  );
  if (plans.length === 0) return changes;
  const ids = new Set<string>(ready.map(({ id }) => id));
  const together = togetherChange(plans, asked.atMs);
  const rest = changes.filter(({ id }) => !ids.has(id));
  const needs = together.needs.filter((id) => rest.some((change) => change.id === id));
  return [...rest, { ...together, needs }];
}

function gitNote(world: World): { note: string } {
  return { note: `no longer in Git at ${world.desired.commit.id.slice(0, 7)}` };
}

function pick<T>(verdicts: Map<ResourceId, Verdict>, choose: (verdict: Verdict, id: ResourceId) => T[]): T[] {
  return [...verdicts].flatMap(([id, verdict]) => choose(verdict, id));
}

function byId([a]: [ResourceId, Verdict], [b]: [ResourceId, Verdict]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function dataOf(verdicts: Map<ResourceId, Verdict>): Map<ResourceId, Record<string, unknown>> {
  const data = new Map<ResourceId, Record<string, unknown>>();
  for (const [id, verdict] of verdicts)
    if ('data' in verdict && verdict.data !== undefined) data.set(id, verdict.data);
  return data;
}

function goneIds(verdicts: Map<ResourceId, Verdict>): ResourceId[] {
  return pick(verdicts, (verdict, id) => (verdict.state === 'gone' ? [id] : []));
}

/** True when the host is as Git says: no change, nothing held back. Orphaned and suspended things may remain. */
export function converged(plan: Plan): boolean {
  return plan.changes.length === 0 && plan.blocked.length === 0 && plan.held === null;
}

/** What is wrong although nothing is to be done about it now: damage that is known, an archive that was missed. */
export function degraded({ reports }: Plan): Notice[] {
  return reports.filter(({ state }) => state === 'degraded');
}
