import type { ObservedContainer, ObservedSystem } from '../observers/types.ts';
import { makeDirectory } from './file-tree.ts';
import { addNetwork } from './networks.ts';
import { nextId, osDisk, pathKey, type World } from './world.ts';
import { addDataset, mountWanted } from './zfs.ts';

/** Accounts of the documentation's server. */
export const blankSystem: ObservedSystem = {
  users: { root: 0, dockremap: 996 },
  groups: { root: 0, docker: 998 },
  subUids: { dockremap: [{ start: 100_000, count: 65_536 }] },
  subGids: { dockremap: [{ start: 100_000, count: 65_536 }] },
};

/** An OS disk, imported empty pools, and Docker's own bridge; does nothing to a host that has them. */
export function seedHost(world: World, pools: string[], groups: Record<string, number>): void {
  if (world.paths.has(pathKey(osDisk, ''))) return;
  makeDirectory(world, osDisk, '');
  for (const [name, gid] of Object.entries(groups)) world.groups.set(name, gid);
  for (const name of pools) addPool(world, name);
  addNetwork(world, 'bridge', '172.17.0.0/16', {});
  world.store.commit();
}

function addPool(world: World, name: string): void {
  world.pools.set(name, { name, imported: true });
  addDataset(world, name, {});
  mountWanted(world, name);
}

/** A container that no step made. What is not given is that of a running container without health check. */
export function placeContainer(world: World, given: Partial<ObservedContainer> & { name: string }): string {
  const id = given.id ?? nextId(world, `container ${given.name}`);
  const state = given.state ?? 'running';
  world.containers.set(id, {
    id,
    name: given.name,
    project: given.project ?? null,
    service: given.service ?? null,
    configHash: given.configHash ?? null,
    filesDigest: given.filesDigest ?? null,
    image: given.image ?? 'example/image:1',
    networks: given.networks ?? {},
    oneOff: given.oneOff ?? false,
    oneShot: state === 'exited' && given.exitCode === 0,
    hasHealthcheck: (given.health ?? 'none') !== 'none',
    bindMounts: given.writes ?? [],
    ...(given.autoRemove === true ? { autoRemove: true } : {}),
    startedAtMs: state === 'created' ? null : world.now(),
    stopped: state === 'exited' || state === 'dead' ? (given.exitCode ?? 0) : null,
  });
  return id;
}
