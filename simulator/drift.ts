import { ownershipProperty } from '../reconciler/types.ts';
import { removeContainer, stopContainer } from './containers.ts';
import { changeRecord } from './dns.ts';
import { changeOwner, entryAt, placeOf } from './file-tree.ts';
import { reloadHub } from './hub.ts';
import { pathKey, type SimulatedContainer, type World } from './world.ts';
import { addDataset, inheritProperty, mountWanted, setLocal, unmountTree } from './zfs.ts';
import { acceptProperty } from './zfs-properties.ts';

/** What people and accidents do to a host behind Steward's back. None of them destroys data. */
export type Drift =
  | { drift: 'killContainer'; name: string }
  | { drift: 'removeContainer'; name: string }
  | { drift: 'editContainer'; name: string }
  /** `zfs create` by hand, over whatever lies where it is mounted. */
  | { drift: 'createDataset'; dataset: string; properties: Record<string, string> }
  | { drift: 'unmountDataset'; dataset: string }
  | { drift: 'overrideProperty'; dataset: string; property: string; value: string }
  /** As if a person had made it: without our mark. */
  | { drift: 'disown'; dataset: string }
  | { drift: 'removeNetwork'; network: string }
  | { drift: 'leaveNetwork'; network: string; container: string }
  /** Somebody has the hub load another Caddyfile. */
  | { drift: 'reloadHub'; caddyfile: string }
  /** At the DNS server; null removes the record. */
  | { drift: 'changeRecord'; name: string; address: string | null }
  | { drift: 'chownDirectory'; path: string; uid: number; gid: number }
  | { drift: 'deleteDirectory'; path: string }
  | { drift: 'stopDocker' }
  | { drift: 'startDocker' }
  | { drift: 'exportPool'; pool: string }
  | { drift: 'importPool'; pool: string };

/** Returns whether there was anything for it to happen to. */
export function applyDrift(world: World, drift: Drift): boolean {
  switch (drift.drift) {
    case 'killContainer':
      return onContainer(world, drift.name, ({ id }) => stopContainer(world, id, 137));
    case 'removeContainer':
      return onContainer(world, drift.name, ({ id }) => removeContainer(world, id));
    case 'editContainer':
      return onContainer(world, drift.name, (container) => edit(world, container));
    case 'createDataset':
      return create(world, drift.dataset, drift.properties);
    case 'unmountDataset':
      return unmount(world, drift.dataset);
    case 'overrideProperty':
      return override(world, drift.dataset, drift.property, drift.value);
    case 'disown':
      return disown(world, drift.dataset);
    case 'removeNetwork':
      return removeNetwork(world, drift.network);
    case 'leaveNetwork':
      return onContainer(world, drift.container, (container) => leave(world, container, drift.network));
    case 'reloadHub':
      return reloadHub(world, drift.caddyfile);
    case 'changeRecord':
      return changeRecord(world, drift.name, drift.address);
    case 'chownDirectory':
      return chown(world, drift.path, drift.uid, drift.gid);
    case 'deleteDirectory':
      return deleteEmptyDirectory(world, drift.path);
    case 'stopDocker':
    case 'startDocker':
      world.settings.set('dockerDown', drift.drift === 'stopDocker' ? 1 : 0);
      return true;
    case 'exportPool':
      return exportPool(world, drift.pool);
    case 'importPool':
      return importPool(world, drift.pool);
    default:
      return unknownDrift(drift);
  }
}

function unknownDrift(drift: never): never {
  throw new Error(`no such drift: ${JSON.stringify(drift)}`);
}

function onContainer(world: World, name: string, act: (container: SimulatedContainer) => void): boolean {
  const container = world.containers.get(world.index.containerNames.get(name) ?? '');
  if (container === undefined) return false;
  act(container);
  return true;
}

/** As `docker run` by hand in the place of compose: another configuration under the same name. */
function edit(world: World, container: SimulatedContainer): void {
  world.containers.set(container.id, { ...container, configHash: 'edited by hand' });
}

function create(world: World, name: string, properties: Record<string, string>): boolean {
  if (world.datasets.has(name)) return false;
  addDataset(world, name, properties);
  mountWanted(world, name);
  return true;
}

function unmount(world: World, name: string): boolean {
  if (!world.datasets.get(name)?.mountedAt) return false;
  unmountTree(world, name);
  return true;
}

function override(world: World, name: string, property: string, value: string): boolean {
  if (!world.datasets.has(name)) return false;
  setLocal(world, name, property, acceptProperty(name, property, value));
  return true;
}

function disown(world: World, name: string): boolean {
  if (!world.datasets.has(name)) return false;
  inheritProperty(world, name, ownershipProperty);
  return true;
}

/** With `docker network disconnect --force` for every member: else Docker would refuse. */
function removeNetwork(world: World, name: string): boolean {
  if (!world.networks.has(name)) return false;
  for (const id of [...(world.index.networkMembers.get(name) ?? [])]) {
    const container = world.containers.get(id);
    if (container !== undefined) leave(world, container, name);
  }
  world.networks.delete(name);
  return true;
}

export function leave(world: World, container: SimulatedContainer, network: string): void {
  const { [network]: _left, ...networks } = container.networks;
  world.containers.set(container.id, { ...container, networks });
}

function chown(world: World, path: string, uid: number, gid: number): boolean {
  if (entryAt(world, path) === undefined) return false;
  changeOwner(world, path, uid, gid, false);
  return true;
}

/** As rmdir: a directory that holds anything, or is a mountpoint, stays. */
function deleteEmptyDirectory(world: World, path: string): boolean {
  const place = placeOf(world, path);
  const key = pathKey(place.filesystem, place.path);
  if (place.path === '' || !world.paths.has(key) || world.index.pathChildren.has(key)) return false;
  world.paths.delete(key);
  return true;
}

function exportPool(world: World, name: string): boolean {
  const pool = world.pools.get(name);
  if (!pool?.imported) return false;
  unmountTree(world, name);
  world.pools.set(name, { ...pool, imported: false });
  return true;
}

function importPool(world: World, name: string): boolean {
  const pool = world.pools.get(name);
  if (pool === undefined || pool.imported) return false;
  world.pools.set(name, { ...pool, imported: true });
  for (const dataset of [...world.datasets.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const mine = dataset.name === name || dataset.name.startsWith(`${name}/`);
    if (mine) mountWanted(world, dataset.name);
  }
  return true;
}
