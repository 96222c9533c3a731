import type { DesiredState } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { StackRef, Step } from '../../reconciler/types.ts';
import { type SimulatedHost, type SimulatedHostOptions, simulatedHost } from '../../simulator/host.ts';
import { resolveFromDesired, type SimulatedService } from '../../simulator/services.ts';

/** A clock that a test moves by hand, in milliseconds. */
export function handClock(start = 1_700_000_000_000): { now: () => number; advance(ms: number): void } {
  let at = start;
  return {
    now: () => at,
    advance(ms) {
      at += ms;
    },
  };
}

/** A host whose stacks are what `stacks` holds at the moment of the step: change it to make a new commit. */
export function hostWith(
  stacks: Record<string, SimulatedService[]> = {},
  options: Partial<SimulatedHostOptions> = {},
): SimulatedHost {
  return simulatedHost({
    now: handClock().now,
    resolveStack: async (stack) => stacks[stack.project] ?? [],
    ...options,
  });
}

/** A host that runs exactly what this desired state declares. */
export function hostFor(desired: DesiredState, options: Partial<SimulatedHostOptions> = {}): SimulatedHost {
  return simulatedHost({ now: handClock().now, resolveStack: resolveFromDesired(() => desired), ...options });
}

export function aService(given: Partial<SimulatedService> & { name: string }): SimulatedService {
  return {
    containerName: null,
    image: `example/${given.name}:1`,
    hash: `hash of ${given.name}`,
    filesDigest: null,
    replicas: 1,
    networks: [],
    oneShot: false,
    hasHealthcheck: false,
    bindMounts: [],
    ...given,
  };
}

export function stackRef(project: string): StackRef {
  return { project, directory: `/lab/${project}`, files: [], envFiles: [], override: null };
}

export function up(project: string, given: Partial<Extract<Step, { op: 'compose-up' }>> = {}): Step {
  return {
    op: 'compose-up',
    stack: stackRef(project),
    services: [],
    build: false,
    forceRecreate: false,
    guards: [],
    ...given,
  };
}

export async function run(host: SimulatedHost, ...steps: Step[]): Promise<void> {
  for (const step of steps) await host.executor.execute(step, {});
}

/** Containers by name. Throws where Docker does not answer. */
export async function containers(host: SimulatedHost): Promise<Record<string, ObservedContainer>> {
  const found = await host.observer.observeContainers();
  if (!found.known) throw new Error(found.error);
  return Object.fromEntries(found.value.map((container) => [container.name, container]));
}
