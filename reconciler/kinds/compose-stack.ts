import type { DesiredStack } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { takenNames } from '../first-come.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { Change, Disruption, HealthGate, MountGuard, Reason, StackRef, Step } from '../types.ts';
import { blocked, idOf, notice, type Verdict, type World } from '../world.ts';
import { followed } from './directory.ts';
import { mayAttempt } from './stack/attempts.ts';
import { examine, type Finding } from './stack/containers.ts';
import { deployedImages, imageWork } from './stack/images.ts';
import { linkedMount } from './stack/links.ts';
import { type Made, madeAsDesired } from './stack/made.ts';
import { type AppliedContainer, appliedData } from './stack/reasons.ts';

/** Stacks are compared container by container; compose is called for exactly those that differ. */

export function diff(desired: DesiredStack, world: World): Verdict {
  const { docker } = world.observed;
  // Without its secrets a container would start with empty ones: what runs goes on.
  if (desired.locked !== undefined) return blocked(desired, 'waiting', desired.locked);
  if (!docker.known) return blocked(desired, 'unknown', docker.error);
  const found = world.containersOf.get(desired.name) ?? [];
  const taken = nameConflict(desired, world);
  if (taken !== null) return blocked(desired, 'conflict', taken);
  if (found.some((container) => hashUnknown(desired, container))) {
    return blocked(
      desired,
      'unknown',
      '`docker compose config --hash` gave nothing for it, so its containers cannot be compared',
    );
  }
  return verdict(desired, found, findings(desired, found, world), world);
}

function findings(desired: DesiredStack, found: ObservedContainer[], world: World): Finding[] {
  const [applied, made] = [appliedOf(desired, world), madeOf(desired, world)];
  return desired.containers.flatMap((container) => {
    const own = found.filter((candidate) => candidate.service === container.name);
    const known = { applied: applied?.[container.name], made: made?.[container.name] };
    return examine(desired, container, own, known, world) ?? [];
  });
}

function madeOf({ id }: DesiredStack, { inventory }: World): Made | undefined {
  return inventory.entries.get(id)?.data.made as Made | undefined;
}

function appliedOf({ id }: DesiredStack, { inventory }: World): Record<string, AppliedContainer> | undefined {
  return inventory.entries.get(id)?.data.containers as Record<string, AppliedContainer> | undefined;
}

function verdict(desired: DesiredStack, found: ObservedContainer[], all: Finding[], world: World): Verdict {
  const names = new Set(desired.containers.map((container) => container.name));
  const orphans = found.filter((container) => container.service === null || !names.has(container.service));
  const work = all.filter(({ action }) => action !== 'unwell' && action !== 'told');
  const { healthTimeoutSeconds } = desired;
  const applied = appliedOf(desired, world);
  const kept = deployedImages(desired, found, applied, world);
  const { containers } = desired;
  const data = {
    containers: appliedData(containers, kept),
    healthTimeoutSeconds,
    ...madeAsDesired(containers),
    ...takenNames(desired, world),
  };
  if (work.length === 0 && orphans.length === 0) return settled(desired, all, data);
  const link = work.length === 0 ? null : linkedMount(desired, world);
  if (link !== null) return blocked(desired, 'conflict', followed(link));
  const permission = mayAttempt(desired, world.inventory.services.get(desired.name), world.nowMs);
  if (!permission.ok) return blocked(desired, permission.state, permission.note);
  const images = imageWork(desired, madeAnew(work, found), found, applied, world);
  if (images.obstacle !== null) return blocked(desired, 'conflict', images.obstacle);
  const change = makeChange(desired, found, work, orphans, world);
  if (!change.steps.some(({ op }) => op === 'compose-up')) return { state: 'change', change, data };
  const [steps, reasons] = [
    [...images.steps, ...change.steps],
    [...change.reasons, ...images.reasons],
  ];
  return { state: 'change', change: { ...change, steps, reasons }, data };
}

/** Those that compose makes from their image, and not only starts. */
function madeAnew(work: Finding[], found: ObservedContainer[]): Set<string> {
  const isThere = (name: string) => found.some(({ service }) => service === name);
  const isStarted = ({ action, reasons }: Finding) =>
    action !== 'recreate' && reasons[0]?.field === 'running';
  const made = work.filter((each) => !isThere(each.container) || !isStarted(each));
  return new Set(made.map(({ container }) => container));
}

function settled(desired: DesiredStack, all: Finding[], data: Record<string, unknown>): Verdict {
  if (all.length === 0) return { state: 'in-sync', data };
  const reasons = all.flatMap((finding) => finding.reasons);
  const state = all.some(({ action }) => action === 'unwell') ? 'degraded' : 'conflict';
  return { state: 'blocked', notice: notice(desired, 'blocked', state, reasons) };
}

function hashUnknown(desired: DesiredStack, found: ObservedContainer): boolean {
  const own = desired.containers.find((container) => container.name === found.service);
  return own !== undefined && own.configHash === null;
}

/** A name can be had once on a host. One that a stack on its way out still holds comes free first. */
function nameConflict(desired: DesiredStack, world: World): string | null {
  for (const { containerName } of desired.containers) {
    const holder = containerName === null ? undefined : world.containerByName.get(containerName);
    if (holder === undefined || holder.project === desired.name) continue;
    if (holder.project !== null && isRemoved(holder.project, world)) continue;
    const owner =
      holder.project === null ? 'was not made by compose' : `belongs to project ${holder.project}`;
    return `container ${containerName} exists already and ${owner}; remove or rename it (docker rename ${containerName} …)`;
  }
  return null;
}

function isRemoved(project: string, world: World): boolean {
  const id = idOf('compose-stack', project);
  return world.inventory.entries.has(id) && !world.byId.has(id);
}

function makeChange(
  desired: DesiredStack,
  found: ObservedContainer[],
  work: Finding[],
  orphans: ObservedContainer[],
  world: World,
): Change {
  const isNew = found.length === 0;
  const disruption = disruptionOf(desired, work, orphans, world);
  const { kind, id, name, service } = desired;
  const makes = madeBy(desired, found, work);
  return {
    verb: isNew ? 'create' : 'update',
    kind,
    id,
    name,
    service,
    summary: isNew
      ? plural(desired.containers.length, 'container')
      : describe(desired, work, orphans, disruption),
    reasons: [...orphans.map(orphanReason), ...work.flatMap((finding) => finding.reasons)],
    needs: [...desired.needs, ...freedNames(desired, world)],
    disruption,
    steps: [...orphans.map(orphanStep), ...upSteps(desired, work, isNew, world)],
    gate: gateOf(desired),
    ...(Object.keys(makes).length === 0 ? {} : { makes }),
  };
}

/** Of those that compose does not merely start, the ones that do not carry all that they are made from. */
function madeBy(
  desired: DesiredStack,
  found: ObservedContainer[],
  work: Finding[],
): Record<string, string[]> {
  const making = work.filter(({ action }) => action === 'up' || action === 'recreate');
  const anew = madeAnew(making, found);
  const idsOf = (name: string) => found.flatMap(({ service, id }) => (service === name ? [id] : []));
  const made = desired.containers.filter(({ name, inputs }) => inputs !== undefined && anew.has(name));
  return Object.fromEntries(made.map(({ name }) => [name, idsOf(name)]));
}

function freedNames(desired: DesiredStack, world: World): `compose-stack:${string}`[] {
  return desired.containers.flatMap(({ containerName }) => {
    const holder = containerName === null ? undefined : world.containerByName.get(containerName);
    if (holder === undefined || holder.project === null || holder.project === desired.name) return [];
    return [`compose-stack:${holder.project}` as const];
  });
}

function upSteps(desired: DesiredStack, work: Finding[], isNew: boolean, world: World): Step[] {
  const stack = stackRef(desired);
  const guards = guardsOf(desired, world);
  const named = (action: Finding['action']) => work.filter((finding) => finding.action === action);
  const up = (group: Finding[], forceRecreate: boolean): Step[] => {
    if (group.length === 0) return [];
    const services = isNew ? [] : group.map((finding) => finding.container);
    const build = group.some((finding) => finding.build);
    return [{ op: 'compose-up', stack, services, build, forceRecreate, guards }];
  };
  const restarts = named('restart').map((finding) => finding.container);
  const leaves = named('leave').flatMap((finding) => finding.leaves);
  return [
    ...leaves.map((each): Step => ({ op: 'network-disconnect', ...each })),
    ...up(named('recreate'), true),
    ...up(named('up'), false),
    ...(restarts.length === 0 ? [] : [{ op: 'compose-restart' as const, stack, services: restarts, guards }]),
  ];
}

export function stackRef(desired: DesiredStack): StackRef {
  const { directory, files, envFiles, encrypted, override } = desired;
  const secret = encrypted === undefined ? {} : { encrypted };
  return { project: desired.name, directory, files, envFiles, ...secret, override };
}

function guardsOf(desired: DesiredStack, world: World): MountGuard[] {
  return desired.needs.flatMap((id) => {
    const resource = world.byId.get(id);
    return resource?.kind === 'zfs-dataset'
      ? [{ dataset: resource.name, mountpoint: resource.mountpoint }]
      : [];
  });
}

export function gateOf(desired: DesiredStack): HealthGate {
  const containers = desired.containers.map(({ name, oneShot, hasHealthcheck, replicas }) => {
    return { service: name, oneShot, hasHealthcheck, replicas };
  });
  return { project: desired.name, timeoutSeconds: desired.healthTimeoutSeconds, containers };
}

/** Where nothing was measured yet: about what stop, remove and create of one container take. */
const assumedDownSeconds = 4;

function disruptionOf(
  desired: DesiredStack,
  work: Finding[],
  orphans: ObservedContainer[],
  world: World,
): Disruption {
  const lost = orphans.filter(({ state }) => state === 'running').map(({ name }) => name);
  const stops = work.flatMap((finding) => finding.stops);
  const containers = [...new Set([...lost, ...stops])];
  if (containers.length === 0) return { level: 'none', seconds: 0, containers };
  // What is taken away for good stops, but the service is not down for it.
  if (stops.length === 0) return { level: 'restart', seconds: 0, containers };
  const measured = world.inventory.services.get(desired.name)?.downtimeMs ?? null;
  const seconds = measured === null ? assumedDownSeconds : Math.max(1, Math.round(measured / 1000));
  return { level: 'restart', seconds, containers };
}

function describe(
  desired: DesiredStack,
  work: Finding[],
  orphans: ObservedContainer[],
  disruption: Disruption,
): string {
  const isScaled = (finding: Finding) => finding.reasons[0]?.field === 'replicas';
  const stopping = work.filter((finding) => finding.stops.length > 0 && !isScaled(finding));
  const restarts = stopping.filter((finding) => finding.action === 'restart').length;
  const recreates = stopping.length - restarts;
  const scaled = work.filter(isScaled);
  const leaves = work.flatMap((finding) => finding.leaves);
  const leaving = work.filter(({ action }) => action === 'leave');
  const starts = work.length - stopping.length - scaled.length - leaving.length;
  const parts = [
    ...(recreates > 0 ? [`recreates ${share(recreates, desired)}`] : []),
    ...(restarts > 0 ? [`restarts ${share(restarts, desired)}`] : []),
    ...(starts > 0 ? [`starts ${share(starts, desired)}`] : []),
    ...(scaled.length > 0 ? [`scales ${scaled.map(({ container }) => container).join(', ')}`] : []),
    ...(leaves.length > 0 ? [`leaves ${plural(leaves.length, 'network')}`] : []),
    ...(orphans.length > 0 ? [`removes ${plural(orphans.length, 'orphaned container')}`] : []),
    ...(disruption.seconds > 0 && stopping.length > 0 ? [`about ${disruption.seconds} s down`] : []),
  ];
  return parts.join(', ');
}

function share(count: number, { containers }: DesiredStack): string {
  if (containers.length === 1) return 'its container';
  return count === containers.length
    ? `all ${count} containers`
    : `${count} of ${containers.length} containers`;
}

function orphanReason(container: ObservedContainer): Reason {
  return { field: 'container', from: container.name, to: null, note: 'no longer in the compose file' };
}

function orphanStep(container: ObservedContainer): Step {
  return { op: 'container-remove', id: container.id, name: container.name };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A service that left Git: its containers go, its volumes and datasets stay. */
export function prune(entry: InventoryEntry, world: World): Verdict {
  const { docker } = world.observed;
  if (!docker.known) return blocked(entry, 'unknown', docker.error);
  const found = world.containersOf.get(entry.name) ?? [];
  if (found.length === 0) return { state: 'gone' };
  const { kind, id, name, service } = entry;
  const stopped = found.filter(({ state }) => state === 'running').map((container) => container.name);
  const change: Change = {
    verb: 'delete',
    kind,
    id,
    name,
    service,
    summary: `${plural(found.length, 'container')}, no longer in Git; data stays`,
    reasons: [{ field: 'service', from: name, to: null, note: 'no longer in Git' }],
    needs: [],
    disruption: { level: stopped.length > 0 ? 'downtime' : 'none', seconds: 0, containers: stopped },
    steps: [{ op: 'compose-down', project: name }],
  };
  return { state: 'change', change, data: {} };
}
