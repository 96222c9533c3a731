import type Docker from 'dockerode';
import { dockerStatus } from '../../tools/docker.ts';
import type { Step } from '../types.ts';
import { type DockerOptions, findNetwork, withDocker } from './docker.ts';
import { StepError } from './types.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** The container joins the network as it runs. One that is on it already is done. */
export async function connectNetwork(step: StepOf<'network-connect'>, options: DockerOptions): Promise<void> {
  const { network, container } = step;
  await withDocker(`${container} did not join ${network}`, options, async (docker, abortSignal) => {
    const found = await findNetwork(docker, network, abortSignal);
    if (found === undefined) throw new StepError(`there is no network ${network} for ${container} to join`);
    const joined = await networksOf(docker, container, abortSignal);
    if (joined?.[network]?.NetworkID === found.Id) return;
    // The library's types leave the signal out here, and it hands it on all the same.
    const request = { Container: container, abortSignal };
    await docker.getNetwork(found.Id).connect(request);
  });
}

/** One that is not on it, or a network or container that is gone, is done. */
export async function disconnectNetwork(
  step: StepOf<'network-disconnect'>,
  options: DockerOptions,
): Promise<void> {
  const { network, container } = step;
  await withDocker(`${container} did not leave ${network}`, options, async (docker, abortSignal) => {
    const found = await findNetwork(docker, network, abortSignal);
    const joined = await networksOf(docker, container, abortSignal);
    if (found === undefined || joined?.[network] === undefined) return;
    const request = { Container: container, abortSignal };
    await docker.getNetwork(found.Id).disconnect(request);
  });
}

async function networksOf(docker: Docker, container: string, abortSignal: AbortSignal) {
  try {
    const { NetworkSettings } = await docker.getContainer(container).inspect({ abortSignal });
    return NetworkSettings.Networks;
  } catch (error) {
    if (dockerStatus(error) === 404) return undefined;
    throw error;
  }
}
