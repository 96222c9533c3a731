import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import type { SimulatedContainer, World } from './world.ts';

type QuiescedContainer = Extract<Step, { op: 'containers-start' }>['containers'][number];

/** By its id, else the one that has taken its name. */
export function presentOf(
  world: World,
  { id, name }: { id: string; name: string },
): SimulatedContainer | undefined {
  return world.containers.get(id) ?? world.containers.get(world.index.containerNames.get(name) ?? '');
}

/** As apply/ground.ts has it: those that may be started, and what is told of the others when they are. */
export function onMounted(
  world: World,
  containers: QuiescedContainer[],
  sinceMs: number | undefined,
  isDone: (container: SimulatedContainer) => boolean,
): { ready: QuiescedContainer[]; last: Action[] } {
  const lacking = ({ guards = [] }: QuiescedContainer) =>
    guards.filter(({ dataset, mountpoint }) => world.index.mounts.get(mountpoint) !== dataset);
  const without = sinceMs === undefined ? [] : containers.filter((each) => lacking(each).length > 0);
  const isLeft = (each: QuiescedContainer) => {
    const present = presentOf(world, each);
    return present !== undefined && !isDone(present);
  };
  const down = without.filter(isLeft);
  const refuse = () => {
    const names = down.map(({ name }) => name).join(', ');
    const datasets = new Set(down.flatMap(lacking).map(({ dataset }) => dataset));
    throw new StepError(`${names} kept down: ${[...datasets].join(', ')} not mounted`);
  };
  return {
    ready: containers.filter((each) => !without.includes(each) || presentOf(world, each) === undefined),
    last: down.length === 0 ? [] : [refuse],
  };
}
