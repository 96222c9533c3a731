import type Docker from 'dockerode';
import {
  connectDocker,
  type DockerConnection,
  deadline,
  dockerSentence,
  dockerStatus,
} from '../tools/docker.ts';
import { type Folders, foldersOf, mayRemoveItself, mountsNamedVolume } from './docker-mounts.ts';
import { parseContainer, parseImage, parseNetwork, parseUsernsBase } from './docker-parse.ts';
import type { Observed, ObservedContainer, ObservedDocker } from './types.ts';

export interface DockerObserverOptions extends DockerConnection {
  /** For all calls together. Default 20 s. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** Containers, networks, images and the daemon itself, in four calls side by side. Unknown when any of them fails. */
export function observeDocker(options: DockerObserverOptions): Promise<Observed<ObservedDocker>> {
  return asked(options, readAll);
}

/**
 * Containers alone, as a rule in one call: `info` makes Docker start programs of its own. Volumes are asked for where one
 * is mounted by name, and a container that somebody has started by hand, whether it would be gone if it were stopped.
 */
export function observeContainers(options: DockerObserverOptions): Promise<Observed<ObservedContainer[]>> {
  return asked(options, readContainers);
}

async function asked<T>(
  options: DockerObserverOptions,
  read: (docker: Docker, abortSignal: AbortSignal) => Promise<T>,
): Promise<Observed<T>> {
  try {
    const docker = await connectDocker(options);
    return { known: true, value: await read(docker, deadline(options.timeoutMs ?? 20_000, options.signal)) };
  } catch (error) {
    return { known: false, error: dockerSentence(error) };
  }
}

async function readContainers(docker: Docker, abortSignal: AbortSignal): Promise<ObservedContainer[]> {
  const listed = asArray(await docker.listContainers({ all: true, abortSignal }));
  const folders = listed.some(mountsNamedVolume) ? await readFolders(docker, abortSignal) : undefined;
  const containers = listed.map((info) => parseContainer(info, folders));
  const asked = containers.map((container) =>
    mayRemoveItself(container) ? withAutoRemove(container, docker, abortSignal) : [container],
  );
  return (await Promise.all(asked)).flat().sort(byName);
}

/** Only Docker's own volumes: one of another driver stands for no folder, and its driver may not answer. */
async function readFolders(docker: Docker, abortSignal: AbortSignal): Promise<Folders> {
  const { Volumes: volumes } = await docker.listVolumes({ filters: { driver: ['local'] }, abortSignal });
  return foldersOf(volumes ?? []);
}

/** None where it is gone since it was listed. */
async function withAutoRemove(
  container: ObservedContainer,
  docker: Docker,
  abortSignal: AbortSignal,
): Promise<ObservedContainer[]> {
  try {
    const { HostConfig: config } = await docker.getContainer(container.id).inspect({ abortSignal });
    return [{ ...container, autoRemove: config.AutoRemove === true }];
  } catch (error) {
    if (dockerStatus(error) === 404) return [];
    throw error;
  }
}

async function readAll(docker: Docker, abortSignal: AbortSignal): Promise<ObservedDocker> {
  const [containers, networks, images, info] = await Promise.all([
    readContainers(docker, abortSignal),
    docker.listNetworks({ abortSignal }),
    docker.listImages({ abortSignal }),
    infoOf(docker, abortSignal),
  ]);
  return {
    serverVersion: info.ServerVersion ?? 'unknown',
    usernsBase: parseUsernsBase(info),
    containers,
    networks: asArray(networks).map(parseNetwork).sort(byName),
    images: asArray(images).map(parseImage),
  };
}

interface DockerInfo {
  ServerVersion?: string;
  SecurityOptions?: string[];
  DockerRootDir?: string;
}

/** The library takes options here as everywhere, its types do not say so. */
async function infoOf(docker: Docker, abortSignal: AbortSignal): Promise<DockerInfo> {
  const call = docker.info as (options: { abortSignal: AbortSignal }) => Promise<DockerInfo>;
  return call.call(docker, { abortSignal });
}

/** A proxy or another program behind the socket may answer 200 with anything. */
function asArray<T>(answer: T[]): T[] {
  if (Array.isArray(answer)) return answer;
  throw new Error('its answer is not a list');
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
