import type {
  Observed,
  ObservedContainer,
  ObservedDataset,
  ObservedDocker,
  ObservedMount,
  ObservedNetwork,
  ObservedPath,
  ObservedState,
  ObservedSystem,
  ObservedZfs,
  Observer,
} from '../observers/types.ts';
import { statusOf } from './container-status.ts';
import { observeDns } from './dns.ts';
import { SimulatedCrash } from './errors.ts';
import type { FaultPlan, ObservedPart } from './faults.ts';
import { entryAt } from './file-tree.ts';
import { dockerDown } from './guards.ts';
import { observeHub, probeHub } from './hub.ts';
import { imageId, observeImages } from './images.ts';
import { parentOf, type SimulatedContainer, type SimulatedDataset, type World } from './world.ts';
import { inherits, zfsDefaults } from './zfs-properties.ts';

type Properties = ObservedDataset['properties'];

export interface ObserverContext {
  world: World;
  system: ObservedSystem;
  usernsBase: { uid: number; gid: number };
  faults(): FaultPlan;
  isDead(): boolean;
}

/** The reading half: one pass over the host, whatever is asked. Throws only SimulatedCrash. */
export function simulatedObserver(context: ObserverContext): Observer {
  return {
    async observe(request) {
      const faults = await begin(context, request.signal);
      const { world } = context;
      const state: ObservedState = {
        zfs: part(faults.zfs, 'zfs', () => observeZfs(world)),
        mounts: { known: true, value: observeMounts(world) },
        docker: dockerPart(context, faults),
        system: part(faults.system, 'system', () => observeSystem(context)),
        paths: {},
        hub: request.hub === undefined ? null : await observeHub(world, request.hub),
        dns: request.dns === undefined ? null : observeDns(world, request.dns),
      };
      for (const path of request.paths) {
        state.paths[path] = part(faults.paths, 'paths', () => observePath(world, path));
      }
      return state;
    },
    async observeContainers(signal) {
      const docker = dockerPart(context, await begin(context, signal));
      return docker.known ? { known: true, value: docker.value.containers } : docker;
    },
    async probe(request) {
      await begin(context, request.signal);
      return probeHub(context.world, request);
    },
  };
}

type ObserveFaults = NonNullable<FaultPlan['observe']>;

async function begin(context: ObserverContext, signal: AbortSignal | undefined): Promise<ObserveFaults> {
  if (context.isDead()) throw new SimulatedCrash('the process is gone');
  const faults = context.faults().observe ?? {};
  if (Object.values(faults).includes('hanging')) await givenUp(signal);
  context.world.store.refresh();
  return faults;
}

function dockerPart(context: ObserverContext, faults: ObserveFaults): Observed<ObservedDocker> {
  if (dockerDown(context.world)) return noDocker();
  return part(faults.docker, 'docker', () => readDocker(context));
}

function observeSystem({ world, system }: ObserverContext): ObservedSystem {
  return { ...system, groups: Object.fromEntries(world.groups.entries()) };
}

/** Real tools have a timeout besides; without a signal the virtual one has passed already. */
function givenUp(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function part<T>(fault: 'unknown' | 'hanging' | undefined, name: ObservedPart, read: () => T): Observed<T> {
  if (fault === undefined) return { known: true, value: read() };
  const error = fault === 'hanging' ? `${name} did not answer within 30 s` : `${name}: a simulated fault`;
  return { known: false, error };
}

function noDocker(): Observed<ObservedDocker> {
  return { known: false, error: 'docker: connect ENOENT /var/run/docker.sock' };
}

function observeZfs(world: World): ObservedZfs {
  const pools = [...world.pools.values()].filter((pool) => pool.imported).map((pool) => pool.name);
  const imported = new Set(pools);
  const datasets: Record<string, ObservedDataset> = {};
  for (const dataset of world.datasets.values()) {
    if (!imported.has(dataset.name.split('/')[0] ?? '')) continue;
    datasets[dataset.name] = observeDataset(dataset, propertiesOf(world, dataset));
  }
  return { pools: pools.sort(), fullPools: [], datasets };
}

function observeMounts(world: World): ObservedMount[] {
  return [...world.index.mounts].map(([mountpoint, source]) => ({ source, mountpoint, type: 'zfs' }));
}

function observeDataset(dataset: SimulatedDataset, properties: Properties): ObservedDataset {
  return {
    name: dataset.name,
    guid: dataset.guid,
    mounted: dataset.mountedAt !== null,
    mountpoint: dataset.mountpoint,
    properties,
    snapshotsChanged: null,
  };
}

/** Of each dataset, and what its children begin with, as long as nothing of it changes: rows are exchanged, not edited. */
const seen = new WeakMap<SimulatedDataset, { above: Properties; properties: Properties }>();
const below = new WeakMap<Properties, Properties>();

function propertiesOf(world: World, dataset: SimulatedDataset): Properties {
  const parent = world.datasets.get(parentOf(dataset.name));
  const above = parent === undefined ? rootDefaults : inheritedFrom(propertiesOf(world, parent));
  const known = seen.get(dataset);
  if (known?.above === above) return known.properties;
  const source = parent === undefined ? 'default' : 'inherited';
  const properties: Properties = { ...above, mountpoint: { value: dataset.mountpoint, source } };
  for (const [name, value] of Object.entries(dataset.local)) properties[name] = { value, source: 'local' };
  seen.set(dataset, { above, properties });
  return properties;
}

function inheritedFrom(parent: Properties): Properties {
  const known = below.get(parent) ?? inherited(parent);
  below.set(parent, known);
  return known;
}

const rootDefaults: Properties = defaults();

function defaults(): Properties {
  const pairs = Object.entries(zfsDefaults);
  return Object.fromEntries(pairs.map(([name, value]) => [name, { value, source: 'default' as const }]));
}

function inherited(parent: Properties): Properties {
  const own: Properties = {};
  for (const [name, { value, source }] of Object.entries(parent)) {
    if (!inherits(name)) own[name] = { value: zfsDefaults[name] ?? value, source: 'default' };
    else own[name] = { value, source: source === 'default' ? 'default' : 'inherited' };
  }
  return own;
}

function readDocker({ world, usernsBase }: ObserverContext): ObservedDocker {
  return {
    serverVersion: '26.1.5',
    usernsBase,
    containers: [...world.containers.values()].map((container) => observeContainer(world, container)),
    networks: [...world.networks.values()].map(
      (network): ObservedNetwork => ({ ...network, driver: 'bridge' }),
    ),
    images: observeImages(world),
  };
}

function observeContainer(world: World, container: SimulatedContainer): ObservedContainer {
  const { id, name, project, service, configHash, filesDigest, image, networks, oneOff } = container;
  return {
    id,
    name,
    project,
    service,
    configHash,
    filesDigest,
    image,
    imageId: imageId(world, image),
    ...statusOf(world, container),
    networks,
    oneOff,
    writes: container.bindMounts,
    autoRemove: container.autoRemove ?? false,
    justStarted: false,
    published: [],
    dependsOn: {},
  };
}

function observePath(world: World, path: string): ObservedPath {
  const entry = entryAt(world, path);
  if (entry === undefined) return { type: 'absent' };
  if (entry.type === 'file') return { type: 'other' };
  return { type: 'directory', uid: entry.uid, gid: entry.gid, mode: entry.mode };
}
