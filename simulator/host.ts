import type { ObservedContainer, ObservedSystem, Observer } from '../observers/types.ts';
import type { Executor } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import { blankSystem, placeContainer, seedHost } from './blank-host.ts';
import { applyDrift, type Drift } from './drift.ts';
import type { SimulatedCrash } from './errors.ts';
import { simulatedExecutor } from './executor.ts';
import type { FaultPlan } from './faults.ts';
import { markers, writeMarker } from './file-tree.ts';
import { simulatedObserver } from './observe.ts';
import type { ResolveStack } from './services.ts';
import { type Behaviour, type ContainerCounts, openWorld, type World } from './world.ts';

export interface SimulatedHostOptions {
  /** The host is kept here, shared by every process that opens it. Without it: in memory only. */
  file?: string;
  /** Milliseconds; only health checks and start times look at it. */
  now: () => number;
  resolveStack: ResolveStack;
  faults?: FaultPlan;
  /** Pools of a host that is begun anew; default `datapool`. A host read from a file keeps its own. */
  pools?: string[];
  /** Groups count for a host that is begun anew, like pools. */
  system?: Partial<ObservedSystem>;
  /** Default 100000: dockremap's first id. */
  usernsBase?: { uid: number; gid: number };
}

export interface SimulatedHost {
  observer: Observer;
  executor: Executor;
  /** May be exchanged at any time. */
  faults: FaultPlan;
  /** Every step that was begun, in order. */
  readonly steps: readonly Step[];
  /** Resolves when a fault kills the process; race it against the code under test. A new one after `revive`. */
  readonly crashed: Promise<SimulatedCrash>;
  /** The host of a process that died, for the next process. */
  revive(): void;
  /** Returns false where there is nothing for it to happen to. */
  drift(drift: Drift): boolean;
  /** Of an image, or of `project/service`. */
  behave(imageOrService: string, behaviour: Behaviour): void;
  /** Puts data somewhere, as a person or a container would. */
  writeData(path: string): void;
  /** Every datum as `dataset:/path`; on the OS disk `/:/path`. What was here once must always be here. */
  data(): string[];
  /** Container name -> what happened to it; equal before and after means that not one was touched. */
  containerCounts(): Record<string, ContainerCounts>;
  /** A container as Docker would have it from elsewhere (compose by hand, docker run); returns its id. */
  addContainer(container: Partial<ObservedContainer> & { name: string }): string;
  /** The tables themselves, for tests that need more than the above. */
  state: World;
}

/**
 * A server in memory: ZFS, directories, Docker and compose with the refusals and half-done states of the real ones.
 * Throws SimulatorFileError when `file` holds something else.
 */
export function simulatedHost(options: SimulatedHostOptions): SimulatedHost {
  const world = openWorld(options.file, options.now);
  const system = { ...blankSystem, ...options.system };
  seedHost(world, options.pools ?? ['datapool'], system.groups);
  const steps: Step[] = [];
  const death = mortality();
  const common = { world, faults: () => host.faults, isDead: death.isDead };
  const host: SimulatedHost = {
    observer: simulatedObserver({
      ...common,
      system,
      usernsBase: options.usernsBase ?? { uid: 100_000, gid: 100_000 },
    }),
    executor: simulatedExecutor({ ...common, resolveStack: options.resolveStack, steps, die: death.die }),
    faults: options.faults ?? {},
    steps,
    get crashed() {
      return death.crashed();
    },
    revive: death.revive,
    ...handles(world),
    state: world,
  };
  return host;
}

function handles(world: World) {
  const durable = <T>(act: () => T): T => {
    world.store.refresh();
    const result = act();
    world.store.commit();
    return result;
  };
  return {
    drift: (drift: Drift) => durable(() => applyDrift(world, drift)),
    behave: (key: string, behaviour: Behaviour) => durable(() => world.behaviours.set(key, behaviour)),
    writeData: (path: string) => durable(() => writeMarker(world, path)),
    data: () => durable(() => markers(world)),
    containerCounts: () => durable(() => Object.fromEntries(world.counts.entries())),
    addContainer: (container: Partial<ObservedContainer> & { name: string }) =>
      durable(() => placeContainer(world, container)),
  };
}

function mortality() {
  let dead = false;
  let next = Promise.withResolvers<SimulatedCrash>();
  return {
    isDead: () => dead,
    crashed: () => next.promise,
    die(crash: SimulatedCrash) {
      dead = true;
      next.resolve(crash);
    },
    revive() {
      if (dead) next = Promise.withResolvers<SimulatedCrash>();
      dead = false;
    },
  };
}
