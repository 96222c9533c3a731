import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker, deadline, dockerSentence, dockerStatus } from '../../tools/docker.ts';
import type { BackupStep, QuiescedContainer } from '../types.ts';
import { dependentsIn, eachInTurn, needsOf } from './container-order.ts';
import type { DockerOptions } from './docker.ts';
import { StepError } from './types.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

export interface ContainersOptions extends DockerOptions {
  /** How long a container that others wait for may take to become healthy. Default 180 s. */
  healthTimeoutMs?: number | undefined;
}

type Action = (container: QuiescedContainer, docker: Docker, signal: AbortSignal) => Promise<void>;

/** Dependents first; each as soon as its own dependents are down, with its own grace. Gone or down already: done. */
export async function stopContainers(
  step: StepOf<'containers-stop'>,
  options: ContainersOptions,
): Promise<void> {
  await forEach(
    'stopped',
    step.containers,
    dependentsIn(step.containers),
    options,
    async ({ id }, docker, abortSignal) => {
      // No `t`: Docker then takes the grace and the signal of the container itself.
      await docker.getContainer(id).stop({ abortSignal }).catch(unless(304, 404));
    },
  );
}

/**
 * What others need first. One that is to be healthy is waited for until it is; those that run already stay as they
 * are. One that compose has replaced meanwhile is found by its name.
 */
export async function startContainers(
  step: StepOf<'containers-start'>,
  options: ContainersOptions,
): Promise<void> {
  const awaited = new Set(
    step.containers.flatMap(({ needs }) => needs.filter(({ healthy }) => healthy).map(({ name }) => name)),
  );
  await forEach('started', step.containers, needsOf, options, async (container, docker, signal) => {
    const started = await startOne(container, docker, signal);
    if (awaited.has(container.name)) await untilHealthy(started, container.name, docker, options, signal);
  });
}

/** Gives the id of what was started. */
async function startOne(
  { id, name }: QuiescedContainer,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<string> {
  const start = (which: string) => docker.getContainer(which).start({ abortSignal }).catch(unless(304));
  try {
    await start(id);
    return id;
  } catch (error) {
    if (dockerStatus(error) !== 404) throw error;
    const replaced = await findByName(docker, name, abortSignal);
    if (replaced === null)
      throw new StepError(`container ${name} was not started: it is gone`, { cause: error });
    await start(replaced);
    return replaced;
  }
}

/** By list: Docker's look-up by name also takes the beginning of another container's id. */
async function findByName(docker: Docker, name: string, abortSignal: AbortSignal): Promise<string | null> {
  const alike = await docker.listContainers({ all: true, filters: { name: [name] }, abortSignal });
  return alike.find(({ Names }) => Names.includes(`/${name}`))?.Id ?? null;
}

/** Between two looks: this is downtime of whoever waits. */
const pollMs = 120;

async function untilHealthy(
  id: string,
  name: string,
  docker: Docker,
  options: ContainersOptions,
  abortSignal: AbortSignal,
): Promise<void> {
  const limitMs = options.healthTimeoutMs ?? 180_000;
  const endMs = performance.now() + limitMs;
  for (;;) {
    const { State: state } = await docker.getContainer(id).inspect({ abortSignal });
    const health = state.Health?.Status ?? 'none';
    if (state.Running && (health === 'healthy' || health === 'none')) return;
    if (!state.Running && !state.Restarting) {
      throw new StepError(`container ${name} ended right after its start (exit code ${state.ExitCode})`);
    }
    if (performance.now() > endMs) {
      throw new StepError(`container ${name} was started and is ${health} after ${limitMs / 1000} s`);
    }
    await sleep(pollMs, undefined, { signal: abortSignal });
  }
}

/** All of them side by side: whoever is frozen first, the snapshot sees them all at one instant. */
export async function pauseContainers(
  step: StepOf<'containers-pause'>,
  options: ContainersOptions,
): Promise<void> {
  await forEach(
    'paused',
    step.containers,
    () => [],
    options,
    async ({ id }, docker, abortSignal) => {
      const container = docker.getContainer(id);
      await container.pause({ abortSignal }).catch(async (error: unknown) => {
        if (await writes(container, abortSignal)) throw error;
      });
    },
  );
}

async function writes(container: Docker.Container, abortSignal: AbortSignal): Promise<boolean> {
  const state = await stateOf(container, abortSignal);
  return state?.Running === true && !state.Paused;
}

/** One that is not paused, or gone, is done. */
export async function unpauseContainers(
  step: StepOf<'containers-unpause'>,
  options: ContainersOptions,
): Promise<void> {
  await forEach(
    'unpaused',
    step.containers,
    () => [],
    options,
    async ({ id }, docker, abortSignal) => {
      const container = docker.getContainer(id);
      await container.unpause({ abortSignal }).catch(async (error: unknown) => {
        if ((await stateOf(container, abortSignal))?.Paused === true) throw error;
      });
    },
  );
}

/** Null where there is no such container. */
async function stateOf(container: Docker.Container, abortSignal: AbortSignal) {
  try {
    return (await container.inspect({ abortSignal })).State;
  } catch (error) {
    if (dockerStatus(error) === 404) return null;
    throw error;
  }
}

function unless(...statuses: number[]): (error: unknown) => void {
  return (error) => {
    if (!statuses.includes(dockerStatus(error) ?? 0)) throw error;
  };
}

async function forEach(
  verb: string,
  containers: QuiescedContainer[],
  before: (container: QuiescedContainer) => string[],
  options: ContainersOptions,
  action: Action,
): Promise<void> {
  const docker = await connectDocker(options);
  const signal = deadline(options.timeoutMs, options.signal);
  // One listener a container and call, which Node would take for a leak.
  setMaxListeners(0, signal);
  const failures = await eachInTurn(containers, before, async (container) => {
    await action(container, docker, signal).catch((error: unknown) => {
      throw failed(error, `container ${container.name} was not ${verb}`);
    });
  });
  if (failures.length === 0) return;
  const message = failures.map((failure) => (failure as Error).message).join('; ');
  throw new StepError(message, { cause: failures[0] });
}

function failed(error: unknown, what: string): StepError {
  return error instanceof StepError
    ? error
    : new StepError(`${what}: ${dockerSentence(error)}`, { cause: error });
}
