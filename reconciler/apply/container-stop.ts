import { constants } from 'node:os';
import type Docker from 'dockerode';
import { connectDocker, deadline, dockerStatus } from '../../tools/docker.ts';
import type { QuiescedContainer } from '../backup/step-parts.ts';
import type { BackupStep } from '../types.ts';
import { dependentsIn } from './container-order.ts';
import { type ContainersOptions, forEach, inspected, sharedDeadline, unless } from './each-container.ts';
import type { StepFacts } from './types.ts';

/**
 * Docker does not take a stop back: it goes on when nobody waits for its answer any more, and the container ends, and
 * stays down, when everybody believes that it runs. So a stop under way is waited for whatever Steward is told, each as
 * long as the container's own grace and what Docker may need besides; and whoever starts containers again that a dead
 * run may have told to stop, stops them first.
 */

/**
 * Dependents first; each as soon as its own dependents are down, with its own grace. Gone or down already: done. One
 * that Docker had to kill is told: what it had not written down by then is in no snapshot.
 */
export async function stopContainers(
  { containers }: Extract<BackupStep, { op: 'containers-stop' }>,
  options: ContainersOptions,
): Promise<StepFacts> {
  const docker = await connectDocker(options);
  const targets = await targetsOf(containers, docker, options);
  const notes: string[] = [];
  const looks: Promise<void>[] = [];
  const look = async ({ name }: QuiescedContainer, { id }: Target) => {
    if (await wasKilled(docker.getContainer(id), deadline(options.timeoutMs)))
      notes.push(`container ${name} did not stop within its stop_grace_period and was killed`);
  };
  await forEach('stopped', containers, dependentsIn(containers), async (container) => {
    const target = targets.get(container);
    if (target === undefined) return;
    const begunMs = performance.now();
    await stopOne(docker.getContainer(target.id), target.graceMs + options.timeoutMs);
    // A look at each would be downtime; only one that took its time can have been killed. The next one stops meanwhile.
    if (performance.now() - begunMs >= (options.shortestGraceMs ?? 1_000))
      looks.push(look(container, target));
  });
  await Promise.all(looks);
  return notes.length === 0 ? {} : { notes: notes.sort() };
}

/** No `t`: Docker then takes the grace and the signal of the container itself. */
async function stopOne(container: Docker.Container, limitMs: number): Promise<void> {
  await container.stop({ abortSignal: deadline(limitMs) }).catch(unless(304, 404));
}

interface Target {
  id: string;
  graceMs: number;
}

/** Looked at side by side, before the first one is down. One that is not there is not in it. */
async function targetsOf(
  containers: readonly QuiescedContainer[],
  docker: Docker,
  { timeoutMs, signal }: ContainersOptions,
): Promise<Map<QuiescedContainer, Target>> {
  const abortSignal = sharedDeadline(timeoutMs, signal);
  const targets = new Map<QuiescedContainer, Target>();
  await forEach(
    'stopped',
    containers,
    () => [],
    async (container) => {
      const target = await targetOf(container, docker, abortSignal);
      if (target !== null) targets.set(container, target);
    },
  );
  return targets;
}

async function targetOf(
  container: QuiescedContainer,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<Target | null> {
  try {
    const found = await inspected(container, docker, abortSignal);
    return found === null ? null : { id: found.Id, graceMs: graceMsOf(found) };
  } catch (error) {
    // That it cannot be told is no reason to give up a backup.
    if (dockerStatus(error) === null) throw error;
    return { id: container.id, graceMs: defaultGraceMs };
  }
}

/** docs.docker.com/reference/cli/docker/container/stop: what Docker waits where the container says nothing. */
const defaultGraceMs = 10_000;

/** Below zero: for ever. That long nobody waits here. */
function graceMsOf({ Config }: Docker.ContainerInspectInfo): number {
  const { StopTimeout: seconds } = Config as { StopTimeout?: number | null };
  return seconds === undefined || seconds === null ? defaultGraceMs : Math.max(0, seconds) * 1000;
}

const killed = 128 + constants.signals.SIGKILL;

/** Not one whose own stop signal that is. That it cannot be told is no reason to give up a backup. */
async function wasKilled(container: Docker.Container, abortSignal: AbortSignal): Promise<boolean> {
  const found = await container.inspect({ abortSignal }).catch(() => null);
  if (found === null || found.State.ExitCode !== killed || found.State.OOMKilled) return false;
  const { StopSignal: own = 'SIGTERM' } = found.Config as { StopSignal?: string };
  return !['SIGKILL', 'KILL', '9'].includes(own);
}

/** Those that run, and may have been told to stop since this instant. */
export async function perhapsEnding(
  containers: readonly QuiescedContainer[],
  sinceMs: number,
  options: ContainersOptions,
): Promise<QuiescedContainer[]> {
  const docker = await connectDocker(options);
  const abortSignal = sharedDeadline(options.timeoutMs, options.signal);
  const ending = new Set<QuiescedContainer>();
  await forEach(
    'started',
    containers,
    () => [],
    async (container) => {
      if (await mayEnd(container, sinceMs, docker, abortSignal)) ending.add(container);
    },
  );
  return containers.filter((container) => ending.has(container));
}

async function mayEnd(
  container: QuiescedContainer,
  sinceMs: number,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<boolean> {
  try {
    const found = await inspected(container, docker, abortSignal);
    return found?.State.Running === true && !wasStartedSince(found, sinceMs);
  } catch (error) {
    if (dockerStatus(error) === null) throw error;
    return true;
  }
}

/** By somebody: a container that Docker itself starts again and again may have been told to stop between two of them. */
export function wasStartedSince(
  { State, RestartCount }: Docker.ContainerInspectInfo,
  sinceMs: number,
): boolean {
  const startedMs = Date.parse(State.StartedAt);
  return RestartCount === 0 && startedMs > sinceMs && startedMs <= Date.now();
}
