import type { DesiredStack, DesiredState } from '../../desired-state/types.ts';
import type {
  ObservedContainer,
  ObservedHub,
  ObservedImage,
  ObservedPath,
  ObservedState,
} from '../../observers/types.ts';
import { appliedData } from '../../reconciler/kinds/stack/reasons.ts';
import { emptyBackups, type RepositoryRecord } from '../../reconciler/state/backups.ts';
import {
  emptyInventory,
  type Inventory,
  type InventoryEntry,
  newServiceRecord,
} from '../../reconciler/state/inventory.ts';
import type { KeyRecord } from '../../reconciler/state/keys.ts';
import { digest } from '../../tools/digest.ts';
import { familiarName } from '../../tools/image-name.ts';
import * as build from '../support/build.ts';

/** The host and the inventory as they are once this state was applied: scenarios start from here and break one thing. */
export interface Situation {
  desired: DesiredState;
  observed: ObservedState;
  inventory: Inventory;
}

export const before = '9d1e0440000000000000000000000000000000000';

/** As Steward marks a network that it makes. */
const made = { 'io.steward.lab': 'homelab' };

export function settled(desired: DesiredState): Situation {
  const networks = desired.resources.filter(({ kind }) => kind === 'docker-network').map(({ name }) => name);
  const subnets = new Map(
    networks.map((name, index) => [name, `10.88.${index >> 2}.${(index & 3) * 64}/26`]),
  );
  const paths = Object.fromEntries(pathsOf(desired));
  const observed = build.observed({
    datasets: datasetsOf(desired),
    containers: stacksOf(desired)
      .flatMap(containersOf)
      .map((each) => attached(each, desired)),
    networks: networks.map((name) => ({ name, subnets: [subnets.get(name) as string], labels: made })),
    images: imagesOf(desired),
    groups: { root: 0, users: 100, labdata: 999 },
    paths,
    ...(desired.hub === null ? {} : { hub: { known: true as const, value: hubOf(desired) } }),
  });
  return { desired, observed, inventory: inventoryOf(desired, subnets) };
}

function imagesOf(desired: DesiredState): ObservedImage[] {
  const names = stacksOf(desired).flatMap(({ containers: all }) => all.map(({ image }) => image));
  return [...new Set(names)].map((name) => ({
    id: `sha256:${name}`,
    tags: [familiarName(name)],
    digests: [],
  }));
}

/** It runs with what Git says, whatever that is in Caddy's words. */
function hubOf({ resources }: DesiredState): ObservedHub {
  const snippets = resources.flatMap((each) =>
    each.kind === 'caddy-route' && each.snippet !== null ? [[each.name, each.snippet] as const] : [],
  );
  const nothing = new Map<string, string>();
  return {
    running: {},
    kept: {},
    atStart: null,
    refused: nothing,
    strange: nothing,
    files: new Map(snippets),
  };
}

/** The hub is on the networks that it has joined, too. */
function attached(container: ObservedContainer, { resources }: DesiredState): ObservedContainer {
  const joined = resources.filter(
    (each) => each.kind === 'hub-attachment' && each.hub.container === container.name,
  );
  const networks = Object.fromEntries(joined.map(({ name }) => [name, `net-${name}`]));
  return { ...container, networks: { ...container.networks, ...networks } };
}

/** A host on which nothing was done yet: the pool is there, and Docker runs. */
export function emptyHost(desired: DesiredState): Situation {
  const paths = Object.fromEntries(
    pathsOf(desired).map(([path]) => [path, { known: true as const, value: { type: 'absent' as const } }]),
  );
  const observed = build.observed({ groups: { root: 0, users: 100 }, paths });
  return { desired, observed, inventory: emptyInventory() };
}

export const stacksOf = (desired: DesiredState): DesiredStack[] =>
  desired.resources.filter((resource) => resource.kind === 'compose-stack');

function datasetsOf(desired: DesiredState) {
  return desired.resources.flatMap((resource) => {
    if (resource.kind !== 'zfs-dataset') return [];
    const seen = build.seenDataset(resource.name, { mountpoint: resource.mountpoint });
    for (const [property, value] of Object.entries(resource.properties))
      seen.properties[property] = { value, source: 'local' };
    return [seen];
  });
}

function pathsOf(desired: DesiredState): [string, { known: true; value: ObservedPath }][] {
  return desired.resources.flatMap((resource) => {
    if (resource.kind !== 'directory') return [];
    const owner = { uid: 100_000 + resource.containerUid, gid: 999, mode: resource.mode };
    return [[resource.path, { known: true, value: { type: 'directory', ...owner } }]];
  });
}

function containersOf(stack: DesiredStack): ObservedContainer[] {
  return stack.containers.map((container) => ({
    id: `id-${stack.name}-${container.name}`,
    name: container.containerName ?? `${stack.name}-${container.name}-1`,
    project: stack.name,
    service: container.name,
    configHash: container.configHash,
    filesDigest: container.filesDigest,
    image: container.image,
    imageId: `sha256:${container.image}`,
    state: 'running',
    health: container.hasHealthcheck ? 'healthy' : 'none',
    exitCode: null,
    networks: Object.fromEntries(container.networks.map((name) => [name, `net-${name}`])),
    oneOff: false,
    justStarted: false,
    published: [],
    dependsOn: {},
    writes: container.bindMounts,
    autoRemove: false,
  }));
}

/** Opened long ago, and read since. */
function repositoriesOf(desired: DesiredState): Map<string, RepositoryRecord> {
  const repositories = desired.resources.filter((resource) => resource.kind === 'borg-repository');
  return new Map(
    repositories.map(({ repository: { location, encryption } }) => [
      location,
      { location, encryption, borgId: `borg-${location}`, listedMs: 0, inDoubt: false, checkpoints: [] },
    ]),
  );
}

/** Exported long ago, each of the repository that is there. */
function keysOf(desired: DesiredState): Map<string, KeyRecord> {
  const repositories = [...repositoriesOf(desired).values()];
  const last = { fingerprint: 'f'.repeat(64), exportedMs: 0, folder: '/mnt/stick/keys' };
  return new Map(repositories.map(({ location, borgId }) => [location, { location, borgId, ...last }]));
}

function inventoryOf(desired: DesiredState, subnets: Map<string, string>): Inventory {
  const entries = desired.resources.map((resource): [InventoryEntry['id'], InventoryEntry] => {
    const { id, kind, name, service } = resource;
    const owned = { ownedSince: before, appliedCommit: before, orphanedSince: null };
    return [id, { id, kind, name, service, ...owned, data: dataOf(resource, subnets) }];
  });
  const services = stacksOf(desired).map(
    ({ name, inputDigest }): [string, ReturnType<typeof newServiceRecord>] => [
      name,
      { ...newServiceRecord(name), appliedCommit: before, appliedInput: inputDigest },
    ],
  );
  return {
    entries: new Map(entries),
    services: new Map(services),
    subnets,
    approvals: new Set(),
    probes: new Map(),
    backups: { ...emptyBackups(), repositories: repositoriesOf(desired), keys: keysOf(desired) },
    restoring: new Map(),
    unsettled: [],
    recovering: new Map(),
  };
}

function dataOf(
  resource: DesiredState['resources'][number],
  subnets: Map<string, string>,
): Record<string, unknown> {
  switch (resource.kind) {
    case 'zfs-dataset':
      return { guid: `guid-${resource.name}`, properties: Object.keys(resource.properties).sort() };
    case 'docker-network':
      return { subnet: subnets.get(resource.name) };
    case 'compose-stack':
      return { containers: appliedData(resource.containers) };
    case 'caddy-route':
      return { digest: digest(resource.snippet ?? '') };
    default:
      return {};
  }
}

/** The same situation after somebody did something to the host. Every call of a scenario builds its own values. */
export function after(situation: Situation, happened: (situation: Situation) => void): Situation {
  happened(situation);
  return situation;
}

/** Git moved on: the host and the inventory are still as the old state says. */
export function pushed(old: DesiredState, desired: DesiredState): Situation {
  return { ...settled(old), desired };
}

export function container(situation: Situation, name: string): ObservedContainer {
  const found = containers(situation).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

export function containers({ observed }: Situation): ObservedContainer[] {
  if (!observed.docker.known) throw new Error('Docker is down');
  return observed.docker.value.containers;
}

export function removeContainers(
  situation: Situation,
  isGone: (container: ObservedContainer) => boolean,
): void {
  const { docker } = situation.observed;
  if (docker.known) docker.value.containers = docker.value.containers.filter((each) => !isGone(each));
}

export function zfsOf({ observed }: Situation) {
  if (!observed.zfs.known) throw new Error('ZFS is down');
  return observed.zfs.value;
}

export function dataset(situation: Situation, name: string) {
  const found = zfsOf(situation).datasets[name];
  if (found === undefined) throw new Error(`no dataset ${name}`);
  return found;
}

export function networksOf({ observed }: Situation) {
  if (!observed.docker.known) throw new Error('Docker is down');
  return observed.docker.value;
}
