import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker, dockerStatus } from '../../tools/docker.ts';
import type { QuiescedContainer } from '../backup/step-parts.ts';
import type { BackupStep } from '../types.ts';
import { needsOf } from './container-order.ts';
import { perhapsEnding, stopContainers, wasStartedSince } from './container-stop.ts';
import {
  type ContainersOptions,
  findByName,
  forEach,
  sharedDeadline,
  throwAll,
  unless,
} from './each-container.ts';
import { onMounted } from './ground.ts';
import { type Failing, StepError, type StepFacts } from './types.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

/** As endAndStart, those whose data is mounted; the others stay as they are, and are in the error. */
export async function startAgain(
  step: StepOf<'containers-start'>,
  sinceMs: number,
  options: ContainersOptions,
): Promise<StepFacts> {
  const runsSince = (found: Docker.ContainerInspectInfo) =>
    found.State.Running && wasStartedSince(found, sinceMs);
  const facts = await onMounted(step.containers, options, runsSince, (containers) =>
    endAndStart({ ...step, containers }, sinceMs, options),
  );
  return facts ?? {};
}

/**
 * Puts right that they were stopped, at `sinceMs` or later and by a run that may be dead: what may be ending still ends
 * first, and is started then. One that cannot be stopped keeps nobody else from being started.
 */
async function endAndStart(
  step: StepOf<'containers-start'>,
  sinceMs: number,
  options: ContainersOptions,
): Promise<StepFacts> {
  const containers = await perhapsEnding(step.containers, sinceMs, options);
  const failures: StepError[] = [];
  const note = (error: unknown): StepFacts => {
    if (!(error instanceof StepError)) throw error;
    failures.push(error);
    return {};
  };
  const { notes } = await stopContainers({ op: 'containers-stop', containers }, options).catch(note);
  const started = await startContainers(step, options).catch(note);
  throwAll(failures);
  return { ...(notes === undefined ? {} : { notes }), ...started };
}

/**
 * What others need first. One that is to be healthy is waited for until it is, but not for ever: all that ran before
 * runs again, as after a reboot, and who is not well, or is gone, is told. Those that run already stay as they are. One
 * that compose has replaced meanwhile is found by its name.
 */
export async function startContainers(
  step: StepOf<'containers-start'>,
  options: ContainersOptions,
): Promise<StepFacts> {
  const awaited = new Set(
    step.containers.flatMap(({ needs }) => needs.filter(({ healthy }) => healthy).map(({ name }) => name)),
  );
  const unwell: Failing[] = [];
  const limitMs = options.healthTimeoutMs ?? (step.healthTimeoutSeconds ?? 180) * 1000;
  const docker = await connectDocker(options);
  const signal = sharedDeadline(options.timeoutMs + limitMs, options.signal);
  await forEach('started', step.containers, needsOf, async (container) => {
    const { name } = container;
    const started = await startOne(container, docker, signal);
    if (started === null)
      unwell.push({ container: name, message: `container ${name} was not started: it is gone` });
    if (started === null || !awaited.has(name)) return;
    const message = await untilHealthy(started, name, docker, limitMs, signal);
    if (message !== null) unwell.push({ container: name, message });
  });
  if (unwell.length === 0) return {};
  const failed = unwell.map(({ message }) => message).sort();
  return { failed: failed.join('; '), failing: unwell };
}

/** Gives the id of what was started; null where there is none any more. */
async function startOne(
  { id, name }: QuiescedContainer,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<string | null> {
  const start = (which: string) => docker.getContainer(which).start({ abortSignal }).catch(unless(304));
  try {
    await start(id);
    return id;
  } catch (error) {
    if (dockerStatus(error) !== 404) throw error;
    const replaced = await findByName(docker, name, abortSignal);
    if (replaced !== null) await start(replaced);
    return replaced;
  }
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
  const docker = await connectDocker(options);
  // As with a stop: Docker goes on with it, and an unpause before its end would find nothing to be done.
  const abortSignal = sharedDeadline(options.timeoutMs);
  await forEach(
    'paused',
    step.containers,
    () => [],
    async ({ id }) => {
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

/** As startAgain, of those that a dead run has paused. */
export async function unpauseAgain(
  step: StepOf<'containers-unpause'>,
  options: ContainersOptions,
): Promise<void> {
  await onMounted(
    step.containers,
    options,
    ({ State }) => !State.Paused,
    (containers) => unpauseContainers({ ...step, containers }, options),
  );
}

/** One that is not paused, or gone, is done. */
export async function unpauseContainers(
  step: StepOf<'containers-unpause'>,
  options: ContainersOptions,
): Promise<void> {
  const docker = await connectDocker(options);
  const abortSignal = sharedDeadline(options.timeoutMs, options.signal);
  await forEach(
    'unpaused',
    step.containers,
    () => [],
    async ({ id }) => {
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
