import type Docker from 'dockerode';
import type { ContainerInfo, NetworkInspectInfo } from 'dockerode';
import {
  connectDocker,
  type DockerConnection,
  deadline,
  dockerSentence,
  dockerStatus,
} from '../../tools/docker.ts';
import type { Step } from '../types.ts';
import { StepError } from './types.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

export interface DockerOptions extends DockerConnection {
  /** For a whole step, except that a container may use its own grace besides. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** A bridge with this one subnet. One of the same name is kept when it has that subnet, and an error otherwise. */
export async function createNetwork(step: StepOf<'network-create'>, options: DockerOptions): Promise<void> {
  await withDocker(`network ${step.network} was not created`, options, async (docker, abortSignal) => {
    const found = await findNetwork(docker, step.network, abortSignal);
    if (found !== undefined) return requireSubnet(found, step);
    await docker.createNetwork({
      Name: step.network,
      Driver: 'bridge',
      CheckDuplicate: true,
      IPAM: { Config: [{ Subnet: step.subnet }] },
      Labels: step.labels,
      abortSignal,
    });
  });
}

function requireSubnet(found: NetworkInspectInfo, step: StepOf<'network-create'>): void {
  const subnets = (found.IPAM?.Config ?? []).map((config) => config.Subnet);
  if (found.Driver === 'bridge' && subnets.includes(step.subnet)) return;
  const is = `${found.Driver} ${subnets.join(', ') || 'without a subnet'}`;
  throw new StepError(`network ${step.network} exists as ${is}, not as bridge ${step.subnet}`);
}

/** A network that is not there is done. One that containers are connected to stays, and the error names them. */
export async function removeNetwork(step: StepOf<'network-remove'>, options: DockerOptions): Promise<void> {
  await withDocker(`network ${step.network} was not removed`, options, async (docker, abortSignal) => {
    const found = await findNetwork(docker, step.network, abortSignal);
    if (found === undefined) return;
    const users = await docker.listContainers({ filters: { network: [found.Id] }, abortSignal });
    if (users.length > 0) throw new StepError(inUse(step.network, users));
    await docker.getNetwork(found.Id).remove({ abortSignal });
  });
}

function inUse(network: string, users: ContainerInfo[]): string {
  const names = users.map((container) => container.Names[0]?.slice(1) ?? container.Id.slice(0, 12));
  const verb = names.length === 1 ? 'uses' : 'use';
  return `network ${network} was not removed: ${names.sort().join(', ')} still ${verb} it`;
}

/** By list, since Docker's look-up by name also takes the beginning of another network's id. */
export async function findNetwork(
  docker: Docker,
  name: string,
  abortSignal: AbortSignal,
): Promise<NetworkInspectInfo | undefined> {
  const alike = await docker.listNetworks({ filters: { name: [name] }, abortSignal });
  return alike.find((network) => network.Name === name);
}

/** Stops it with its own grace and signal, then removes it; its volumes stay. One that is not there is done. */
export async function removeContainer(
  step: StepOf<'container-remove'>,
  options: DockerOptions,
): Promise<void> {
  await withDocker(`container ${step.name} was not removed`, options, async (docker, abortSignal) => {
    const container = docker.getContainer(step.id);
    // 304: it does not run. 404: somebody else, or its own --rm, was faster. 409: a removal is under way.
    await container.stop({ abortSignal }).catch(unless(304, 404));
    await container.remove({ v: false, abortSignal }).catch(unless(404, 409));
  });
}

function unless(...statuses: number[]): (error: unknown) => void {
  return (error) => {
    if (!statuses.includes(dockerStatus(error) ?? 0)) throw error;
  };
}

/** Calls Docker within the time of a step. Throws StepError that begins with `failure`. */
export async function withDocker(
  failure: string,
  options: DockerOptions,
  action: (docker: Docker, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await action(await connectDocker(options), deadline(options.timeoutMs, options.signal));
  } catch (error) {
    if (error instanceof StepError) throw error;
    throw new StepError(`${failure}: ${dockerSentence(error)}`, { cause: error });
  }
}
