import { StepError } from '../reconciler/apply/types.ts';
import { claimantOf, entryAt, makeDirectories, writeMarker } from './file-tree.ts';
import type { SimulatedService } from './services.ts';
import {
  type Behaviour,
  type ContainerCounts,
  nextId,
  type SimulatedContainer,
  type World,
} from './world.ts';

/** The life of one container, counted under its name. */

export const noCounts: ContainerCounts = {
  creations: 0,
  recreations: 0,
  starts: 0,
  restarts: 0,
  removals: 0,
};

function count(world: World, name: string, what: keyof ContainerCounts): void {
  const counts = world.counts.get(name) ?? noCounts;
  world.counts.set(name, { ...counts, [what]: counts[what] + 1 });
}

export function behaviourOf(world: World, container: SimulatedContainer): Behaviour {
  return (
    world.behaviours.get(`${container.project}/${container.service}`) ??
    world.behaviours.get(container.image) ??
    {}
  );
}

export interface NewContainer {
  project: string;
  service: SimulatedService;
  name: string;
}

/** Created and not started. Throws StepError with Docker's words where the image or the name is not to be had. */
export function createContainer(world: World, { project, service, name }: NewContainer): void {
  const container = blankContainer(nextId(world, `container ${name}`), name, project, service);
  if (behaviourOf(world, container).pullFails) {
    throw new StepError(
      `Error response from daemon: manifest for ${service.image} not found: manifest unknown`,
    );
  }
  const holder = world.index.containerNames.get(name);
  if (holder !== undefined) {
    throw new StepError(
      `Error response from daemon: Conflict. The container name "/${name}" is already in use by container "${holder}"`,
    );
  }
  const networks = service.networks.map((network) => [
    network.name,
    world.networks.get(network.name)?.id ?? '',
  ]);
  world.containers.set(container.id, { ...container, networks: Object.fromEntries(networks) });
  count(world, name, 'creations');
}

function blankContainer(
  id: string,
  name: string,
  project: string,
  service: SimulatedService,
): SimulatedContainer {
  return {
    id,
    name,
    project,
    service: service.name,
    configHash: service.hash,
    filesDigest: service.filesDigest,
    image: service.image,
    networks: {},
    oneOff: false,
    oneShot: service.oneShot,
    hasHealthcheck: service.hasHealthcheck,
    bindMounts: service.bindMounts,
    startedAtMs: null,
    stopped: null,
  };
}

export function startContainer(world: World, id: string): void {
  const container = world.containers.get(id);
  if (container === undefined) return;
  const stale = Object.entries(container.networks).find(
    ([name, networkId]) => world.networks.get(name)?.id !== networkId,
  );
  if (stale !== undefined) {
    throw new StepError(`Error response from daemon: network ${stale[1] || stale[0]} not found`);
  }
  const { ending: _over, ...idle } = container;
  world.containers.set(id, { ...idle, startedAtMs: world.now(), stopped: null, paused: false });
  count(world, container.name, 'starts');
  for (const path of container.bindMounts) useBindMount(world, path, container);
}

/** Docker makes a missing directory as root, and the container writes to it, wherever it happens to be. */
function useBindMount(world: World, path: string, container: SimulatedContainer): void {
  if (claimantOf(world, path) === null || entryAt(world, path)?.type === 'file') return;
  makeDirectories(world, path);
  writeMarker(world, `${path}/written-by-${container.name}`);
}

export function restartContainer(world: World, id: string): void {
  const container = world.containers.get(id);
  if (container === undefined) return;
  startContainer(world, id);
  count(world, container.name, 'restarts');
}

/** As with Docker it takes its time, and nobody can take it back: who told it may be gone by then. */
export function tellToStop(world: World, id: string, exitCode: number): void {
  const container = world.containers.get(id);
  if (container === undefined || !canStop(container) || container.ending !== undefined) return;
  const atMs = world.now() + (behaviourOf(world, container).stopMs ?? 5_000);
  world.containers.set(id, { ...container, ending: { atMs, exitCode } });
}

/** It is down: as one that was told to stop is after its time. */
export function stopContainer(world: World, id: string, exitCode: number): void {
  const container = world.containers.get(id);
  if (container === undefined || !canStop(container)) return;
  const { ending: _over, ...idle } = container;
  if (container.autoRemove === true) removeContainer(world, id);
  else world.containers.set(id, { ...idle, stopped: exitCode });
}

function canStop({ startedAtMs, stopped }: SimulatedContainer): boolean {
  return startedAtMs !== null && stopped === null;
}

export function pauseContainer(world: World, id: string): void {
  const container = world.containers.get(id);
  if (container !== undefined) world.containers.set(id, { ...container, paused: true });
}

export function unpauseContainer(world: World, id: string): void {
  const container = world.containers.get(id);
  if (container !== undefined) world.containers.set(id, { ...container, paused: false });
}

export function removeContainer(world: World, id: string): void {
  const container = world.containers.get(id);
  if (container === undefined) return;
  world.containers.delete(id);
  count(world, container.name, 'removals');
}

export function countRecreation(world: World, name: string): void {
  count(world, name, 'recreations');
}
