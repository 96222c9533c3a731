import { setMaxListeners } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker, deadline, dockerSentence, dockerStatus } from '../../tools/docker.ts';
import type { QuiescedContainer } from '../backup/step-parts.ts';
import type { BackupStep } from '../types.ts';
import { dependentsIn, eachInTurn, needsOf } from './container-order.ts';
import type { DockerOptions } from './docker.ts';
import { StepError, type StepFacts } from './types.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

export interface ContainersOptions extends DockerOptions {
  /** How long a container that others wait for may take to become healthy. Default: what the step says. */
  healthTimeoutMs?: number | undefined;
  /** One that takes less to stop was not killed: whole seconds are the shortest grace but none. Default 1 s. */
  shortestGraceMs?: number | undefined;
}

type Action = (container: QuiescedContainer, docker: Docker, signal: AbortSignal) => Promise<void>;

/**
 * Dependents first; each as soon as its own dependents are down, with its own grace. Gone or down already: done. One
 * that Docker had to kill is told: what it had not written down by then is in no snapshot.
 */
export async function stopContainers(
  step: StepOf<'containers-stop'>,
  options: ContainersOptions,
): Promise<StepFacts> {
  const notes: string[] = [];
  const before = dependentsIn(step.containers);
  await forEach('stopped', step.containers, before, options, async ({ id, name }, docker, abortSignal) => {
    const container = docker.getContainer(id);
    const begunMs = performance.now();
    // No `t`: Docker then takes the grace and the signal of the container itself.
    await container.stop({ abortSignal }).catch(unless(304, 404));
    // A look at each would be downtime; only one that took its time can have been killed.
    if (performance.now() - begunMs < (options.shortestGraceMs ?? 1_000)) return;
    if (await wasKilled(container, abortSignal))
      notes.push(`container ${name} did not stop within its stop_grace_period and was killed`);
  });
  return notes.length === 0 ? {} : { notes: notes.sort() };
}

const killed = 128 + constants.signals.SIGKILL;

/** Not one whose own stop signal that is. That it cannot be told is no reason to give up a backup. */
async function wasKilled(container: Docker.Container, abortSignal: AbortSignal): Promise<boolean> {
  const found = await container.inspect({ abortSignal }).catch(() => null);
  if (found === null || found.State.ExitCode !== killed || found.State.OOMKilled) return false;
  const { StopSignal: own = 'SIGTERM' } = found.Config as { StopSignal?: string };
  return !['SIGKILL', 'KILL', '9'].includes(own);
}

/**
 * What others need first. One that is to be healthy is waited for until it is, but not for ever: all that ran before
 * runs again, as after a reboot, and who is not well is told. Those that run already stay as they are. One that
 * compose has replaced meanwhile is found by its name.
 */
export async function startContainers(
  step: StepOf<'containers-start'>,
  options: ContainersOptions,
): Promise<StepFacts> {
  const awaited = new Set(
    step.containers.flatMap(({ needs }) => needs.filter(({ healthy }) => healthy).map(({ name }) => name)),
  );
  const unwell: string[] = [];
  const limitMs = options.healthTimeoutMs ?? (step.healthTimeoutSeconds ?? 180) * 1000;
  const patient = { ...options, timeoutMs: options.timeoutMs + limitMs };
  await forEach('started', step.containers, needsOf, patient, async (container, docker, signal) => {
    const started = await startOne(container, docker, signal);
    if (!awaited.has(container.name)) return;
    const sentence = await untilHealthy(started, container.name, docker, limitMs, signal);
    if (sentence !== null) unwell.push(sentence);
  });
  return unwell.length === 0 ? {} : { failed: unwell.sort().join('; ') };
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

/** Null when it is; else one sentence why not. */
async function untilHealthy(
  id: string,
  name: string,
  docker: Docker,
  limitMs: number,
  abortSignal: AbortSignal,
): Promise<string | null> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const { State: state } = await docker.getContainer(id).inspect({ abortSignal });
    const health = state.Health?.Status ?? 'none';
    if (state.Running && (health === 'healthy' || health === 'none')) return null;
    if (!state.Running && !state.Restarting)
      return `container ${name} ended right after its start (exit code ${state.ExitCode})`;
    if (performance.now() > endMs)
      return `container ${name} was started and is ${health} after ${limitMs / 1000} s`;
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
