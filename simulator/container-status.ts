import type { ContainerHealth, ContainerState } from '../observers/types.ts';
import { behaviourOf } from './containers.ts';
import type { Behaviour, SimulatedContainer, World } from './world.ts';

export interface ContainerStatus {
  state: ContainerState;
  health: ContainerHealth;
  exitCode: number | null;
}

/** What a container does at this moment of the clock; follows from when it was started and how it behaves. */
export function statusOf(world: World, container: SimulatedContainer): ContainerStatus {
  if (container.startedAtMs === null) return { state: 'created', health: 'none', exitCode: null };
  if (container.stopped !== null) return ended(container.stopped);
  const { ending } = container;
  if (ending !== undefined && world.now() >= ending.atMs) return ended(ending.exitCode);
  if (container.paused === true) return { state: 'paused', health: 'none', exitCode: null };
  const behaviour = behaviourOf(world, container);
  const exits = behaviour.exits ?? (behaviour.crashLoops ? 1 : naturalExit(container, behaviour));
  if (exits !== null) return container.oneShot ? ended(exits) : restarting;
  const age = world.now() - container.startedAtMs;
  return { state: 'running', health: healthAt(container, behaviour, age), exitCode: null };
}

/** A one-shot without a health check is taken for a job: it does its work at once. */
function naturalExit(container: SimulatedContainer, behaviour: Behaviour): number | null {
  const job = container.oneShot && !container.hasHealthcheck && behaviour.becomes === undefined;
  return job ? 0 : null;
}

/** Docker prints no health of what does not run. */
function ended(exitCode: number): ContainerStatus {
  return { state: 'exited', health: 'none', exitCode };
}

const restarting: ContainerStatus = { state: 'restarting', health: 'none', exitCode: null };

function healthAt(container: SimulatedContainer, behaviour: Behaviour, ageMs: number): ContainerHealth {
  if (!container.hasHealthcheck) return 'none';
  return ageMs < (behaviour.healthAfterMs ?? 0) ? 'starting' : (behaviour.becomes ?? 'healthy');
}
