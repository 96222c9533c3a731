import { digest } from '../tools/digest.ts';
import { openStore, type Store, type Table } from './store.ts';
import { type SubnetIndex, subnetIndex } from './subnet-index.ts';

/** The simulated host as data, with the indexes that keep every step independent of the size of the host. */

export interface SimulatedPool {
  name: string;
  imported: boolean;
}

export interface SimulatedDataset {
  name: string;
  guid: string;
  /** Properties with source=local. */
  local: Record<string, string>;
  /** The effective one: own, or the parent's plus the last part of the name; `none` and `legacy` as they are. */
  mountpoint: string;
  mountedAt: string | null;
}

/** Something in a file system. `file` is a marker that stands for data. */
export interface SimulatedPath {
  filesystem: string;
  /** Below the root of its file system; '' is the root itself. */
  path: string;
  type: 'directory' | 'file';
  uid: number;
  gid: number;
  mode: string;
  /** When it was put there, in milliseconds since the epoch, where that was not by Steward. */
  changedMs?: number;
}

export interface SimulatedNetwork {
  id: string;
  name: string;
  subnets: string[];
  internal: boolean;
  labels: Record<string, string>;
}

export interface SimulatedSnapshot {
  /** `dataset@snapshot` */
  name: string;
  /** steward:run, set locally. */
  run: string;
  /** Markers in the dataset at that moment. */
  files: number;
  /** All of it, roots included. */
  contents: SimulatedPath[];
  atMs: number;
}

export interface SimulatedRepository {
  location: string;
  id: string;
  encryption: string;
  /** What a check finds; `data`: only one that reads all of it. */
  damage?: 'index' | 'data';
}

export interface SimulatedArchive {
  location: string;
  name: string;
  id: string;
  files: number;
  comment: string;
  /** Dataset -> what its snapshot held. */
  contents: Record<string, SimulatedPath[]>;
  atMs: number;
}

export interface SimulatedContainer {
  id: string;
  name: string;
  project: string | null;
  service: string | null;
  configHash: string | null;
  filesDigest: string | null;
  image: string;
  networks: Record<string, string>;
  oneOff: boolean;
  oneShot: boolean;
  hasHealthcheck: boolean;
  bindMounts: string[];
  /** Null: created and never started. */
  startedAtMs: number | null;
  /** Stopped from outside with this exit code; null while Docker wants it to run. */
  stopped: number | null;
  /** Told to stop: it runs on until then, whatever becomes of who told it. */
  ending?: { atMs: number; exitCode: number };
  paused?: boolean;
  /** It is gone once it stops. */
  autoRemove?: boolean;
}

/** What happened to the containers of one name, for ever: equal before and after = nothing was touched. */
export interface ContainerCounts {
  creations: number;
  recreations: number;
  starts: number;
  restarts: number;
  removals: number;
}

/** How the containers of an image, or of `project/service`, behave once they are started. */
export interface Behaviour {
  becomes?: 'healthy' | 'unhealthy';
  /** Milliseconds of the injected clock until the health check has an opinion; default 0. */
  healthAfterMs?: number;
  crashLoops?: boolean;
  /** Ends by itself with this code; Docker starts it again unless it is a one-shot. */
  exits?: number;
  pullFails?: boolean;
  /** Milliseconds from being told to stop until it is down; default 5000. */
  stopMs?: number;
}

export interface World {
  store: Store;
  now: () => number;
  /** Name -> id. */
  groups: Table<number>;
  pools: Table<SimulatedPool>;
  datasets: Table<SimulatedDataset>;
  paths: Table<SimulatedPath>;
  networks: Table<SimulatedNetwork>;
  containers: Table<SimulatedContainer>;
  counts: Table<ContainerCounts>;
  snapshots: Table<SimulatedSnapshot>;
  repositories: Table<SimulatedRepository>;
  archives: Table<SimulatedArchive>;
  behaviours: Table<Behaviour>;
  /** Name -> id of what was fetched. */
  images: Table<string>;
  /** Name of a service -> its sites, as they lie in the hub's folder. */
  snippets: Table<string>;
  /** What was loaded last, and into which start of which container. */
  hub: Table<{ text: string; since: string }>;
  /** Name -> address, and whose mark is beside it. */
  dns: Table<{ address: string; mark: string | null }>;
  settings: Table<number>;
  index: Indexes;
}

export interface Indexes {
  /** Where something is mounted -> dataset. */
  mounts: Map<string, string>;
  /** Where something should be mounted -> dataset, whether it is or not. */
  mountpoints: Map<string, string>;
  datasetChildren: Map<string, Set<string>>;
  pathChildren: Map<string, Set<string>>;
  projects: Map<string, Set<string>>;
  containerNames: Map<string, string>;
  networkMembers: Map<string, Set<string>>;
  subnets: SubnetIndex;
}

export const osDisk = '/';

/** Without a file the host lives in memory. `now` is in milliseconds. */
export function openWorld(file: string | undefined, now: () => number): World {
  const index = emptyIndexes();
  const store = openStore(file);
  const world: World = {
    store,
    now,
    groups: store.table('groups'),
    pools: store.table('pools'),
    datasets: store.table('datasets', (_key, before, after) => indexDataset(index, before, after)),
    paths: store.table('paths', (_key, before, after) => indexPath(index, before, after)),
    networks: store.table('networks', (_key, before, after) => indexNetwork(index, before, after)),
    containers: store.table('containers', (_key, before, after) => indexContainer(index, before, after)),
    counts: store.table('counts'),
    snapshots: store.table('snapshots'),
    repositories: store.table('repositories'),
    archives: store.table('archives'),
    behaviours: store.table('behaviours'),
    images: store.table('images'),
    snippets: store.table('snippets'),
    hub: store.table('hub'),
    dns: store.table('dns'),
    settings: store.table('settings'),
    index,
  };
  store.refresh();
  return world;
}

function emptyIndexes(): Indexes {
  return {
    mounts: new Map(),
    mountpoints: new Map(),
    datasetChildren: new Map(),
    pathChildren: new Map(),
    projects: new Map(),
    containerNames: new Map(),
    networkMembers: new Map(),
    subnets: subnetIndex(),
  };
}

/** A fresh identifier of 64 hex digits; the same sequence on every run. */
export function nextId(world: World, what: string): string {
  const number = (world.settings.get('sequence') ?? 0) + 1;
  world.settings.set('sequence', number);
  return digest(`${what} ${number}`);
}

export function pathKey(filesystem: string, path: string): string {
  return `${filesystem}:${path}`;
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function indexDataset(index: Indexes, before?: SimulatedDataset, after?: SimulatedDataset): void {
  const name = (before ?? after)?.name ?? '';
  if (before?.mountedAt && index.mounts.get(before.mountedAt) === name) index.mounts.delete(before.mountedAt);
  if (before && index.mountpoints.get(before.mountpoint) === name)
    index.mountpoints.delete(before.mountpoint);
  if (after?.mountedAt) index.mounts.set(after.mountedAt, name);
  if (after?.mountpoint.startsWith('/')) index.mountpoints.set(after.mountpoint, name);
  if (after && !before) addTo(index.datasetChildren, parentOf(name), name);
  if (before && !after) removeFrom(index.datasetChildren, parentOf(name), name);
}

function indexPath(index: Indexes, before?: SimulatedPath, after?: SimulatedPath): void {
  const entry = before ?? after;
  if (entry === undefined || entry.path === '' || (before && after)) return;
  const parent = pathKey(entry.filesystem, parentOf(entry.path));
  const key = pathKey(entry.filesystem, entry.path);
  if (after) addTo(index.pathChildren, parent, key);
  else removeFrom(index.pathChildren, parent, key);
}

function indexNetwork(index: Indexes, before?: SimulatedNetwork, after?: SimulatedNetwork): void {
  for (const subnet of before?.subnets ?? []) index.subnets.remove(subnet);
  for (const subnet of after?.subnets ?? []) index.subnets.add(subnet);
}

function indexContainer(index: Indexes, before?: SimulatedContainer, after?: SimulatedContainer): void {
  if (before) {
    removeFrom(index.projects, before.project ?? '', before.id);
    if (index.containerNames.get(before.name) === before.id) index.containerNames.delete(before.name);
    for (const network of Object.keys(before.networks)) removeFrom(index.networkMembers, network, before.id);
  }
  if (after) {
    addTo(index.projects, after.project ?? '', after.id);
    index.containerNames.set(after.name, after.id);
    for (const network of Object.keys(after.networks)) addTo(index.networkMembers, network, after.id);
  }
}

function addTo(map: Map<string, Set<string>>, key: string, member: string): void {
  const members = map.get(key);
  if (members === undefined) map.set(key, new Set([member]));
  else members.add(member);
}

function removeFrom(map: Map<string, Set<string>>, key: string, member: string): void {
  const members = map.get(key);
  if (members?.delete(member) && members.size === 0) map.delete(key);
}
