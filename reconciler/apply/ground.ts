import type { FileHandle } from 'node:fs/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../../tools/docker.ts';
import type { QuiescedContainer } from '../backup/step-parts.ts';
import type { ContainerExec, MountGuard } from '../types.ts';
import { type ContainersOptions, forEach, inspected, sharedDeadline, throwAll } from './each-container.ts';
import { openGuarded, type ReadMountinfo, whatToDo } from './guard.ts';
import { StepError } from './types.ts';

/**
 * Law 12, for whoever puts right what a dead run has left. A power cut may be why it is dead, and then its containers may
 * be down above a pool that is not imported, or a dataset whose key is not loaded: there a database would make a new
 * cluster on a folder of the system's disk. Such a container stays as it is, and is nobody else's hindrance.
 */

type IsDone = (container: Docker.ContainerInspectInfo) => boolean;

/**
 * Runs `action` for those that stand on what they need, which is held mounted meanwhile. Throws one StepError at its end
 * where there are others, but for those that `isDone` calls put right already: whoever has started them knew on what.
 */
export async function onMounted<T>(
  containers: readonly QuiescedContainer[],
  options: ContainersOptions,
  isDone: IsDone,
  action: (ready: QuiescedContainer[]) => Promise<T>,
): Promise<T | undefined> {
  const held = await hold(
    containers.flatMap(({ guards = [] }) => guards),
    options.readMountinfo,
  );
  try {
    const without = containers.filter((container) => lacking(container, held).length > 0);
    const { down, done } = without.length === 0 ? noneLeft : await sorted(without, options, isDone);
    const ready = containers.filter((container) => !down.has(container) && !done.has(container));
    const failures: StepError[] = [];
    const ended = await action(ready).catch((error: unknown) => {
      if (!(error instanceof StepError)) throw error;
      failures.push(error);
      return undefined;
    });
    throwAll([...failures, ...refusals([...down], held)]);
    return ended;
  } finally {
    await letGo(held);
  }
}

/** A hook has one try, and none of it is begun below a mountpoint where its data is not. */
export async function hookOnMounted(
  { argv, name, guards = [] }: ContainerExec,
  readMountinfo: ReadMountinfo | undefined,
  action: () => Promise<void>,
): Promise<void> {
  const held = await hold(guards, readMountinfo);
  try {
    const missing = guards.filter(({ dataset }) => held.get(dataset) === null);
    if (missing.length > 0)
      throw new StepError(`${argv[0]} in container ${name} is not run yet: ${whatToDo(missing)}`);
    await action();
  } finally {
    await letGo(held);
  }
}

/** Dataset -> what holds it mounted; null where it is not. */
type Held = Map<string, FileHandle | null>;

async function hold(guards: readonly MountGuard[], readMountinfo: ReadMountinfo | undefined): Promise<Held> {
  const held: Held = new Map();
  try {
    for (const guard of guards)
      if (!held.has(guard.dataset))
        held.set(guard.dataset, await openGuarded(guard, readMountinfo).catch(nullFor));
    return held;
  } catch (error) {
    await letGo(held);
    throw error;
  }
}

function nullFor(error: unknown): null {
  if (error instanceof StepError) return null;
  throw error;
}

async function letGo(held: Held): Promise<void> {
  await Promise.all([...held.values()].map((handle) => handle?.close()));
}

function lacking({ guards = [] }: QuiescedContainer, held: Held): MountGuard[] {
  return guards.filter(({ dataset }) => held.get(dataset) === null);
}

const noneLeft = { down: new Set<QuiescedContainer>(), done: new Set<QuiescedContainer>() };

/** One that is gone is neither: whoever starts it says so. */
async function sorted(
  containers: readonly QuiescedContainer[],
  options: ContainersOptions,
  isDone: IsDone,
): Promise<typeof noneLeft> {
  const docker = await connectDocker(options);
  const abortSignal = sharedDeadline(options.timeoutMs, options.signal);
  const [down, done] = [new Set<QuiescedContainer>(), new Set<QuiescedContainer>()];
  const look = async (container: QuiescedContainer) => {
    const found = await inspected(container, docker, abortSignal);
    if (found !== null) (isDone(found) ? done : down).add(container);
  };
  await forEach('started', containers, () => [], look);
  return { down, done };
}

/** One for all that lack the same. */
function refusals(containers: readonly QuiescedContainer[], held: Held): StepError[] {
  const alike = Map.groupBy(containers, (container) =>
    lacking(container, held)
      .map(({ dataset }) => dataset)
      .join(' '),
  );
  return [...alike.values()].map((group) => {
    const names = group.map(({ name }) => name).sort();
    const why = whatToDo(lacking(group[0] as QuiescedContainer, held));
    const keptDown = (who: string, verb: string) => `${who} ${verb} kept down: ${why}`;
    const failing = names.map((name) => ({ container: name, message: keptDown(name, 'is') }));
    return new StepError(keptDown(names.join(', '), names.length === 1 ? 'is' : 'are'), { failing });
  });
}
