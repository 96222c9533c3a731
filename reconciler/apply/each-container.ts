import { setMaxListeners } from 'node:events';
import type Docker from 'dockerode';
import { deadline, dockerSentence, dockerStatus } from '../../tools/docker.ts';
import type { QuiescedContainer } from '../backup/step-parts.ts';
import { type Before, eachInTurn } from './container-order.ts';
import type { DockerOptions } from './docker.ts';
import type { ReadMountinfo } from './guard.ts';
import { type Failing, StepError } from './types.ts';

/** What steps about several containers have in common. */

export interface ContainersOptions extends DockerOptions {
  /** How long a container that others wait for may take to become healthy. Default: what the step says. */
  healthTimeoutMs?: number | undefined;
  /** One that takes less to stop was not killed: whole seconds are the shortest grace but none. Default 1 s. */
  shortestGraceMs?: number | undefined;
  readMountinfo?: ReadMountinfo | undefined;
}

/** For all calls of one step; one listener a container and call, which Node would take for a leak. */
export function sharedDeadline(timeoutMs: number, outer?: AbortSignal): AbortSignal {
  const signal = deadline(timeoutMs, outer);
  setMaxListeners(0, signal);
  return signal;
}

/** Throws one StepError for all that went wrong, which names each container. */
export async function forEach(
  verb: string,
  containers: readonly QuiescedContainer[],
  before: Before,
  action: (container: QuiescedContainer) => Promise<void>,
): Promise<void> {
  const failures = await eachInTurn(containers, before, async (container) => {
    await action(container).catch((error: unknown) => {
      throw failed(error, container.name, verb);
    });
  });
  throwAll(failures as StepError[]);
}

export function throwAll(failures: readonly StepError[]): void {
  if (failures.length === 0) return;
  const failing = failures.flatMap((failure) => failure.failing);
  const message = failures.map((failure) => failure.message).join('; ');
  throw new StepError(message, { failing, cause: failures[0] });
}

function failed(error: unknown, container: string, verb: string): StepError {
  const what = `container ${container} was not ${verb}`;
  const message = error instanceof StepError ? error.message : `${what}: ${dockerSentence(error)}`;
  const failing: Failing[] = [{ container, message }];
  return new StepError(message, { failing, cause: error });
}

/** One that compose has replaced meanwhile is found by its name; null: there is none of either. */
export async function inspected(
  { id, name }: Pick<QuiescedContainer, 'id' | 'name'>,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<Docker.ContainerInspectInfo | null> {
  const found = await inspectOne(id, docker, abortSignal);
  if (found !== null) return found;
  const replaced = await findByName(docker, name, abortSignal);
  return replaced === null ? null : await inspectOne(replaced, docker, abortSignal);
}

async function inspectOne(
  id: string,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<Docker.ContainerInspectInfo | null> {
  try {
    return await docker.getContainer(id).inspect({ abortSignal });
  } catch (error) {
    if (dockerStatus(error) === 404) return null;
    throw error;
  }
}

/** By list: Docker's look-up by name also takes the beginning of another container's id. */
export async function findByName(
  docker: Docker,
  name: string,
  abortSignal: AbortSignal,
): Promise<string | null> {
  const alike = await docker.listContainers({ all: true, filters: { name: [name] }, abortSignal });
  return alike.find(({ Names }) => Names.includes(`/${name}`))?.Id ?? null;
}

export function unless(...statuses: number[]): (error: unknown) => void {
  return (error) => {
    if (!statuses.includes(dockerStatus(error) ?? 0)) throw error;
  };
}
