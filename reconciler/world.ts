import type { DesiredResource, DesiredState, Kind, ResourceId } from '../desired-state/types.ts';
import type {
  ObservedContainer,
  ObservedDocker,
  ObservedImage,
  ObservedNetwork,
  ObservedState,
} from '../observers/types.ts';
import { type GuardsByProject, guardsByProject } from './backup/guards.ts';
import { type Uncovered, uncoveredIn } from './backup/uncovered.ts';
import { type Drift, driftOf, noDrift } from './kinds/route/compare.ts';
import type { Inventory, InventoryEntry } from './state/inventory.ts';
import { allocateSubnets } from './subnets.ts';
import type { Change, Notice, NoticeState, Reason } from './types.ts';

/** By hand, the whole of a repository is checked: who asks wants to know. */
export type AskedFor = 'archive' | 'check' | 'verify-data' | 'drill';

export interface Asked {
  /** Default: an archive. */
  what?: AskedFor;
  services: string[];
  /** What the archives stand for. */
  atMs: number;
  /** All at one instant. */
  together: boolean;
}

/** Everything that a plan follows from, as plain values, with the indexes that keep planning linear. */
export interface World {
  desired: DesiredState;
  observed: ObservedState;
  inventory: Inventory;
  nowMs: number;
  /** What a person wants now, whatever the schedule. */
  asked?: Asked;
  byId: ReadonlyMap<ResourceId, DesiredResource>;
  subnets: ReadonlyMap<string, string>;
  containersOf: ReadonlyMap<string, ObservedContainer[]>;
  containerByName: ReadonlyMap<string, ObservedContainer>;
  networkByName: ReadonlyMap<string, ObservedNetwork>;
  /** By tag, by digest and by id. */
  imageByName: ReadonlyMap<string, ObservedImage>;
  /** Of the running hub from its files; none where it was not seen. */
  hubDrift: Drift;
  /** Service -> what is inside its data and in no archive of it. */
  uncovered: ReadonlyMap<string, Uncovered[]>;
  /** What must be mounted for its containers to run. */
  guards: GuardsByProject;
}

/** What to do about one resource. `data` is what the inventory records once the resource is as Git says. */
export type Verdict =
  | { state: 'in-sync'; data: Record<string, unknown> }
  | { state: 'change'; change: Change; data: Record<string, unknown> }
  | { state: 'blocked'; notice: Notice }
  | { state: 'report'; notice: Notice; data?: Record<string, unknown> }
  /** Recorded, no longer declared, and not there any more: forget it. */
  | { state: 'gone' };

export function makeWorld(parts: {
  desired: DesiredState;
  observed: ObservedState;
  inventory: Inventory;
  nowMs: number;
  asked?: Asked;
}): World {
  const docker = parts.observed.docker.known ? parts.observed.docker.value : null;
  const { hub } = parts.observed;
  return {
    ...parts,
    byId: new Map(parts.desired.resources.map((resource) => [resource.id, resource])),
    subnets: subnetsOf(parts.desired, parts.inventory, docker),
    containersOf: containersByProject(docker?.containers ?? []),
    containerByName: new Map((docker?.containers ?? []).map((container) => [container.name, container])),
    networkByName: new Map((docker?.networks ?? []).map((network) => [network.name, network])),
    imageByName: new Map(
      (docker?.images ?? []).flatMap((image) =>
        [image.id, ...image.tags, ...image.digests].map((name) => [name, image] as const),
      ),
    ),
    hubDrift: hub?.known === true ? driftOf(hub.value.running, hub.value.kept) : noDrift,
    uncovered: uncoveredIn(parts),
    guards: guardsByProject(parts.desired.resources),
  };
}

function subnetsOf(
  desired: DesiredState,
  inventory: Inventory,
  docker: ObservedDocker | null,
): Map<string, string> {
  const networks = desired.resources.filter((resource) => resource.kind === 'docker-network');
  const requests = networks.map(({ name, subnet }) => ({ network: name, subnet }));
  const existing = new Map<string, string>();
  for (const network of docker?.networks ?? []) {
    const [first] = network.subnets;
    if (first !== undefined) existing.set(network.name, first);
  }
  // What exists wins over what was kept: a network made by hand is adopted with the subnet that it has.
  const kept = new Map([...inventory.subnets, ...existing]);
  return allocateSubnets(desired.networkPool, requests, kept, [...existing.values()]);
}

export function containersByProject(containers: ObservedContainer[]): Map<string, ObservedContainer[]> {
  const projects = new Map<string, ObservedContainer[]>();
  for (const container of containers) {
    if (container.project === null || container.oneOff) continue;
    const list = projects.get(container.project);
    if (list === undefined) projects.set(container.project, [container]);
    else list.push(container);
  }
  return projects;
}

type Subject = Pick<DesiredResource | InventoryEntry, 'kind' | 'id' | 'name' | 'service'>;

export function blocked(subject: Subject, state: NoticeState, note: string): Verdict {
  return { state: 'blocked', notice: notice(subject, 'blocked', state, [why(note)]) };
}

export function report(
  subject: Subject,
  state: NoticeState,
  note: string,
): Extract<Verdict, { state: 'report' }> {
  return { state: 'report', notice: notice(subject, 'report', state, [why(note)]) };
}

export function notice(
  subject: Subject,
  verb: Notice['verb'],
  state: NoticeState,
  reasons: Reason[],
): Notice {
  return {
    verb,
    kind: subject.kind,
    id: subject.id,
    name: subject.name,
    service: subject.service,
    state,
    reasons,
  };
}

/** A reason that is a sentence. */
export function why(note: string): Reason {
  return { field: 'state', from: null, to: null, note };
}

/** A change that stops nothing. */
export function quietChange(
  subject: Subject,
  verb: Change['verb'],
  parts: Pick<Change, 'summary' | 'reasons' | 'steps' | 'needs' | 'probe'>,
): Change {
  const disruption = { level: 'none' as const, seconds: 0, containers: [] };
  const { kind, id, name, service } = subject;
  return { verb, kind, id, name, service, disruption, ...parts };
}

export function idOf(kind: Kind, name: string): ResourceId {
  return `${kind}:${name}`;
}
