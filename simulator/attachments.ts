import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { leave } from './drift.ts';
import { checkDocker } from './guards.ts';
import type { SimulatedContainer, World } from './world.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** As Docker does it: the container runs on. */
export function connectStep(world: World, step: StepOf<'network-connect'>): Action[] {
  checkDocker(world);
  const network = world.networks.get(step.network);
  if (network === undefined)
    throw new StepError(`there is no network ${step.network} for ${step.container} to join`);
  const found = containerCalled(world, step.container);
  if (found === undefined)
    throw new StepError(`${step.container} did not join ${step.network}: Docker says: No such container`);
  if (found.networks[step.network] === network.id) return [];
  const networks = { ...found.networks, [step.network]: network.id };
  return [() => world.containers.set(found.id, { ...found, networks })];
}

export function disconnectStep(world: World, step: StepOf<'network-disconnect'>): Action[] {
  checkDocker(world);
  const found = containerCalled(world, step.container);
  if (found === undefined || !(step.network in found.networks)) return [];
  return [() => leave(world, found, step.network)];
}

function containerCalled(world: World, name: string): SimulatedContainer | undefined {
  return world.containers.get(world.index.containerNames.get(name) ?? '');
}
