import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import { ownershipProperty } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { makeDirectories, makeDirectory, placeOf } from './file-tree.ts';
import { nextId, parentOf, pathKey, type SimulatedDataset, type World } from './world.ts';
import { acceptProperty } from './zfs-properties.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** As `zfs create -o …`: atomic with its properties, then mounted. A dataset that is there already gets the rest. */
export function createDataset(world: World, step: StepOf<'zfs-create'>): Action[] {
  checkPool(world, step.dataset);
  const local = accepted(step.dataset, step.properties);
  if (world.datasets.has(step.dataset)) return completeDataset(world, step, local);
  const parent = parentOf(step.dataset);
  if (!world.datasets.has(parent)) {
    throw new StepError(`cannot create '${step.dataset}': parent does not exist`);
  }
  if (mountsItself(step)) checkEmpty(world, step.dataset, step.mountpoint);
  return [
    () => addDataset(world, step.dataset, local),
    () => stamp(world, step.dataset),
    () => mountAsPlanned(world, step),
  ];
}

function mountsItself(step: StepOf<'zfs-create'>): boolean {
  return step.mountpoint.startsWith('/') && (step.properties.canmount ?? 'on') === 'on';
}

function completeDataset(world: World, step: StepOf<'zfs-create'>, local: Record<string, string>): Action[] {
  const sets = Object.entries(local).map(
    ([property, value]) =>
      () =>
        setLocal(world, step.dataset, property, value),
  );
  return [...sets, () => stamp(world, step.dataset), () => mountAsPlanned(world, step)];
}

/** What is made here is ours: see ownershipProperty. */
function stamp(world: World, name: string): void {
  setLocal(world, name, ownershipProperty, datasetOf(world, name).guid);
}

export function setProperty(world: World, step: StepOf<'zfs-set'>): Action[] {
  checkPool(world, step.dataset);
  const dataset = datasetOf(world, step.dataset);
  const value = acceptProperty(step.dataset, step.property, step.value);
  const moves = step.property === 'mountpoint' && dataset.mountpoint !== value && value.startsWith('/');
  if (moves) checkEmpty(world, step.dataset, value);
  return [() => setLocal(world, step.dataset, step.property, value)];
}

export function inheritStep(world: World, step: StepOf<'zfs-inherit'>): Action[] {
  checkPool(world, step.dataset);
  datasetOf(world, step.dataset);
  return [() => inheritProperty(world, step.dataset, step.property)];
}

export function mountStep(world: World, step: StepOf<'zfs-mount'>): Action[] {
  checkPool(world, step.dataset);
  const { mountpoint, mountedAt } = datasetOf(world, step.dataset);
  if (mountpoint !== step.mountpoint) {
    throw new StepError(`${step.dataset} has the mountpoint ${mountpoint}, not ${step.mountpoint}`);
  }
  if (mountedAt === null) checkEmpty(world, step.dataset, mountpoint);
  return [() => mountDataset(world, step.dataset)];
}

/** Real ZFS would mount over anything; the executor does not let it, and neither does this one. */
function checkEmpty(world: World, dataset: string, directory: string): void {
  const place = placeOf(world, directory);
  const names = [...(world.index.pathChildren.get(pathKey(place.filesystem, place.path)) ?? [])];
  if (names.length === 0) return;
  const some = names.slice(0, 3).map((key) => key.slice(key.lastIndexOf('/') + 1));
  throw new StepError(
    `${directory} is not empty (${some.join(', ')}), so ${dataset} was not mounted over it; move that away first`,
  );
}

export function checkPool(world: World, dataset: string): void {
  const pool = dataset.split(/[/@]/)[0] ?? '';
  if (world.pools.get(pool)?.imported) return;
  throw new StepError(`the pool ${pool} is not imported; nothing was done to ${dataset}`);
}

function datasetOf(world: World, name: string): SimulatedDataset {
  const dataset = world.datasets.get(name);
  if (dataset === undefined) throw new StepError(`the dataset ${name} does not exist`);
  return dataset;
}

function accepted(dataset: string, properties: Record<string, string>): Record<string, string> {
  const pairs = Object.entries(properties);
  return Object.fromEntries(pairs.map(([name, value]) => [name, acceptProperty(dataset, name, value)]));
}

/** Adds it with an empty root directory, not mounted yet. */
export function addDataset(world: World, name: string, local: Record<string, string>): void {
  const mountpoint = local.mountpoint ?? inheritedMountpoint(world, name);
  const guid = String(BigInt(`0x${nextId(world, name).slice(0, 16)}`));
  world.datasets.set(name, { name, guid, local, mountpoint, mountedAt: null });
  makeDirectory(world, name, '');
}

/** `zfs destroy`: with everything that was written into it. */
export function removeDataset(world: World, name: string): void {
  for (const [key, { filesystem }] of [...world.paths.entries()])
    if (filesystem === name) world.paths.delete(key);
  world.datasets.delete(name);
}

function inheritedMountpoint(world: World, name: string): string {
  const parent = world.datasets.get(parentOf(name))?.mountpoint ?? '/';
  return parent.startsWith('/') ? `${parent === '/' ? '' : parent}/${name.split('/').at(-1)}` : parent;
}

/** What `zfs create` and the import of a pool do by themselves. */
export function mountWanted(world: World, name: string): void {
  const dataset = world.datasets.get(name);
  if (dataset?.mountpoint.startsWith('/') && (dataset.local.canmount ?? 'on') === 'on') {
    mountDataset(world, name);
  }
}

function mountDataset(world: World, name: string): void {
  const dataset = world.datasets.get(name);
  if (dataset === undefined || dataset.mountedAt === dataset.mountpoint) return;
  makeDirectories(world, dataset.mountpoint);
  world.datasets.set(name, { ...dataset, mountedAt: dataset.mountpoint });
  if (!world.paths.has(pathKey(name, ''))) makeDirectory(world, name, '');
}

function mountAsPlanned(world: World, step: StepOf<'zfs-create'>): void {
  if (!mountsItself(step)) return;
  for (const action of mountStep(world, {
    op: 'zfs-mount',
    dataset: step.dataset,
    mountpoint: step.mountpoint,
  })) {
    action();
  }
}

/** Unmounts it and, since nothing can stay mounted inside it, everything below. */
export function unmountTree(world: World, name: string): void {
  const todo = [name];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    const dataset = world.datasets.get(at);
    if (dataset?.mountedAt) world.datasets.set(at, { ...dataset, mountedAt: null });
    todo.push(...(world.index.datasetChildren.get(at) ?? []));
  }
}

/** Sets it locally; a mountpoint moves the dataset and those that inherit it, as ZFS does. */
export function setLocal(world: World, name: string, property: string, value: string): void {
  const dataset = datasetOf(world, name);
  if (dataset.local[property] === value) return;
  world.datasets.set(name, { ...dataset, local: { ...dataset.local, [property]: value } });
  if (property === 'mountpoint') moveTree(world, name);
}

/** `zfs inherit`: back to the parent's value. */
export function inheritProperty(world: World, name: string, property: string): void {
  const dataset = datasetOf(world, name);
  if (dataset.local[property] === undefined) return;
  const { [property]: _gone, ...local } = dataset.local;
  world.datasets.set(name, { ...dataset, local });
  if (property === 'mountpoint') moveTree(world, name);
}

function moveTree(world: World, top: string): void {
  const todo = [top];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    const dataset = world.datasets.get(at);
    if (dataset === undefined || (at !== top && dataset.local.mountpoint !== undefined)) continue;
    const mountpoint = dataset.local.mountpoint ?? inheritedMountpoint(world, at);
    world.datasets.set(at, { ...dataset, mountpoint, mountedAt: null });
    if (dataset.mountedAt !== null) mountWanted(world, at);
    todo.push(...(world.index.datasetChildren.get(at) ?? []));
  }
}
