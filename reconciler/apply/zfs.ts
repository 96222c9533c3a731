import { readdir } from 'node:fs/promises';
import type { Step } from '../types.ts';
import { ownershipProperty } from '../types.ts';
import { argvOf, assignments } from './argv.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;
type Properties = Record<string, { value: string; source: string }>;

/**
 * Creates the dataset with its properties, mounts it and stamps it as ours. One that exists already gets what it
 * lacks of these, so that a step that was cut off can be run again.
 */
export async function createDataset(step: StepOf<'zfs-create'>, options: ToolOptions): Promise<void> {
  await requirePool(step.dataset, options);
  const found = await readProperties(step.dataset, options);
  if (found === null) {
    if (mountsItself(step)) await requireEmpty(step.dataset, step.mountpoint);
    await zfs(argvOf(step), options);
  } else {
    await setMissing(step, found, options);
  }
  const made = found === null ? await requireDataset(step.dataset, options) : found;
  await stamp(step.dataset, made, options);
  if (mountsItself(step)) await mountDataset({ ...step, op: 'zfs-mount' }, options);
}

function mountsItself(step: StepOf<'zfs-create'>): boolean {
  return step.mountpoint.startsWith('/') && (step.properties.canmount ?? 'on') === 'on';
}

async function setMissing(
  step: StepOf<'zfs-create'>,
  found: Properties,
  options: ToolOptions,
): Promise<void> {
  const missing = Object.entries(step.properties).filter(([name, value]) => !agrees(found[name], value));
  for (const [property, value] of missing) {
    await setProperty({ op: 'zfs-set', dataset: step.dataset, property, value }, options);
  }
}

/** Properties that can be given at creation only (`casesensitivity`) have no source once they are there. */
function agrees(found: Properties[string] | undefined, value: string): boolean {
  return found?.value === value && (found.source === 'local' || found.source === '-');
}

/** The guid proves it: a user property is inherited and travels with send and receive, a guid does not repeat. */
async function stamp(dataset: string, found: Properties, options: ToolOptions): Promise<void> {
  const guid = found.guid?.value;
  if (guid === undefined) throw new StepError(`zfs get printed no guid for ${dataset}`);
  if (agrees(found[ownershipProperty], guid)) return;
  await zfs([['zfs', 'set', ...assignments({ [ownershipProperty]: guid }), dataset]], options);
}

/** Sets one property locally. A mountpoint moves the dataset: not onto a directory that holds something. */
export async function setProperty(step: StepOf<'zfs-set'>, options: ToolOptions): Promise<void> {
  if (step.property === 'mountpoint' && step.value.startsWith('/')) {
    const found = await requireDataset(step.dataset, options);
    if (found.mountpoint?.value !== step.value) await requireEmpty(step.dataset, step.value);
  }
  await zfs(argvOf(step), options);
}

/** Gives a property back to its parent; one that is not set locally is left as it is by ZFS. */
export async function inheritProperty(step: StepOf<'zfs-inherit'>, options: ToolOptions): Promise<void> {
  await zfs(argvOf(step), options);
}

/** Mounts the dataset at its mountpoint, never over files that lie there on the disk below. */
export async function mountDataset(
  step: Pick<StepOf<'zfs-mount'>, 'dataset' | 'mountpoint'> & { op: 'zfs-mount' },
  options: ToolOptions,
): Promise<void> {
  await requirePool(step.dataset, options);
  const found = await requireDataset(step.dataset, options);
  const mountpoint = found.mountpoint?.value ?? 'none';
  if (mountpoint !== step.mountpoint) {
    throw new StepError(`${step.dataset} has the mountpoint ${mountpoint}, not ${step.mountpoint}`);
  }
  if (found.mounted?.value === 'yes') return;
  await requireEmpty(step.dataset, mountpoint);
  await zfs([['zfs', 'mount', step.dataset]], options);
}

/** ZFS on Linux mounts over anything without a word (overlay=on): what lies there would be hidden. */
async function requireEmpty(dataset: string, directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new StepError(`${directory} cannot be looked at before ${dataset} is mounted there: ${error.code}`);
  });
  if (entries.length === 0) return;
  const some = entries.slice(0, 3).join(', ');
  throw new StepError(
    `${directory} is not empty (${some}), so ${dataset} was not mounted over it; move that away first`,
  );
}

/** `dataset`: or a snapshot. */
export async function requirePool(dataset: string, options: ToolOptions): Promise<void> {
  const pool = dataset.split(/[/@]/)[0] ?? dataset;
  const pools = await callTool(['zpool', 'list', '-Ho', 'name'], { ...options, env: { LC_ALL: 'C' } });
  if (pools.split('\n').includes(pool)) return;
  throw new StepError(`the pool ${pool} is not imported; nothing was done to ${dataset}`);
}

async function requireDataset(dataset: string, options: ToolOptions): Promise<Properties> {
  const found = await readProperties(dataset, options);
  if (found === null) throw new StepError(`the dataset ${dataset} does not exist`);
  return found;
}

/** Null when there is no such dataset. */
async function readProperties(dataset: string, options: ToolOptions): Promise<Properties | null> {
  const argv = ['zfs', 'get', '-Hp', '-o', 'property,value,source', 'all', dataset];
  const output = await zfs([argv], options).catch((error: StepError) => {
    if (error.message.includes('dataset does not exist')) return null;
    throw error;
  });
  if (output === null) return null;
  const rows = output.split('\n').map((line) => line.split('\t'));
  const found = rows.flatMap(([name, value, source]) =>
    name && value !== undefined && source !== undefined ? [[name, { value, source }] as const] : [],
  );
  const properties: Properties = Object.fromEntries(found);
  if (properties.type?.value === 'filesystem') return properties;
  throw new StepError(`${dataset} is a ${properties.type?.value ?? 'thing unknown'}, not a file system`);
}

async function zfs([argv = []]: string[][], options: ToolOptions): Promise<string> {
  return callTool(argv, { ...options, env: { LC_ALL: 'C' } });
}
