import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { checkDocker } from './guards.ts';
import { nextId, type SimulatedNetwork, type World } from './world.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** Docker's own default address pools: 172.17–31.0.0/16 and 192.168.0.0/16 cut into /20s. */
const defaultPools = [
  ...Array.from({ length: 15 }, (_, at) => `172.${17 + at}.0.0/16`),
  ...Array.from({ length: 16 }, (_, at) => `192.168.${16 * at}.0/20`),
];

export function createNetwork(world: World, step: StepOf<'network-create'>): Action[] {
  checkDocker(world);
  const existing = world.networks.get(step.network);
  if (existing !== undefined) return sameNetwork(existing, step);
  if (world.index.subnets.overlaps(step.subnet)) {
    throw new StepError('invalid pool request: Pool overlaps with other one on this address space');
  }
  return [() => addNetwork(world, step.network, step.subnet, step.labels)];
}

function sameNetwork(existing: SimulatedNetwork, step: StepOf<'network-create'>): Action[] {
  if (existing.subnets.includes(step.subnet)) return [];
  const subnets = existing.subnets.join(', ') || 'without a subnet';
  throw new StepError(`network ${step.network} exists as bridge ${subnets}, not as bridge ${step.subnet}`);
}

/** Stopped containers do not hold a network; running ones do. One that is gone already is fine. */
export function removeNetworkStep(world: World, step: StepOf<'network-remove'>): Action[] {
  checkDocker(world);
  const network = world.networks.get(step.network);
  if (network === undefined) return [];
  const users = usersOf(world, network);
  if (users.length > 0) {
    const verb = users.length === 1 ? 'uses' : 'use';
    throw new StepError(`network ${step.network} was not removed: ${users.join(', ')} still ${verb} it`);
  }
  return [() => world.networks.delete(step.network)];
}

function usersOf(world: World, network: SimulatedNetwork): string[] {
  const members = [...(world.index.networkMembers.get(network.name) ?? [])];
  const containers = members.flatMap((id) => world.containers.get(id) ?? []);
  const running = containers.filter(({ startedAtMs, stopped }) => startedAtMs !== null && stopped === null);
  const users = running.filter((container) => container.networks[network.name] === network.id);
  return users.map(({ name }) => name).sort();
}

export function addNetwork(
  world: World,
  name: string,
  subnet: string,
  labels: Record<string, string>,
  internal = false,
): void {
  const id = nextId(world, `network ${name}`);
  world.networks.set(name, { id, name, subnets: [subnet], internal, labels });
}

/** As `docker network create` without a subnet. Throws StepError with Docker's words when the pools are used up. */
export function addNetworkOfDefaultPool(
  world: World,
  name: string,
  labels: Record<string, string>,
  internal: boolean,
): void {
  const subnet = defaultPools.find((pool) => !world.index.subnets.overlaps(pool));
  if (subnet === undefined) {
    throw new StepError(
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    );
  }
  addNetwork(world, name, subnet, labels, internal);
}
