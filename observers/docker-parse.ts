import type { ContainerInfo, ImageInfo, NetworkInspectInfo } from 'dockerode';
import { publishedPort } from '../tools/published-port.ts';
import { type Folders, writesOf } from './docker-mounts.ts';
import type {
  ContainerHealth,
  ContainerState,
  ObservedContainer,
  ObservedImage,
  ObservedNetwork,
} from './types.ts';

/** What Docker's API prints, read leniently: a missing field is an empty one. Source: Engine API v1.41 and later. */

const states: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];

/** One element of GET /containers/json, which does not say whether it is removed when it stops. */
export function parseContainer(info: ContainerInfo, folders: Folders = new Map()): ObservedContainer {
  const labels = info.Labels ?? {};
  const sharesNetworkOf = /^container:(.+)$/.exec(info.HostConfig?.NetworkMode ?? '')?.[1];
  const state = states.includes(info.State) ? (info.State as ContainerState) : 'dead';
  return {
    id: info.Id,
    name: nameOf(info),
    project: labels['com.docker.compose.project'] ?? null,
    service: labels['com.docker.compose.service'] ?? null,
    configHash: labels['com.docker.compose.config-hash'] ?? null,
    filesDigest: labels['io.steward.files'] ?? null,
    image: info.Image,
    imageId: info.ImageID,
    state,
    health: parseHealth(info.Status ?? ''),
    exitCode: state === 'exited' ? parseExitCode(info.Status ?? '') : null,
    networks: networksOf(info),
    ...(sharesNetworkOf === undefined ? {} : { sharesNetworkOf }),
    published: publishedOf(info),
    oneOff: labels['com.docker.compose.oneoff'] === 'True',
    writes: writesOf(info, folders),
    autoRemove: false,
    justStarted: (info.Status ?? '').startsWith('Up Less than a second'),
    dependsOn: parseDependsOn(labels['com.docker.compose.depends_on'] ?? ''),
  };
}

/** Out of `db:service_healthy:true,cache:service_started:false`: service, condition, whether it restarts along. */
export function parseDependsOn(label: string): Record<string, string> {
  const entries = label.split(',').map((entry) => entry.split(':'));
  return Object.fromEntries(
    entries.flatMap(([service, condition]) =>
      service ? [[service, condition ?? 'service_started'] as const] : [],
    ),
  );
}

/** Links give a container further names, with a second slash. */
function nameOf(info: ContainerInfo): string {
  const own = (info.Names ?? []).find((name) => name.lastIndexOf('/') === 0);
  return own?.slice(1) ?? info.Id.slice(0, 12);
}

/** The id is empty for a container that was created and never started. */
function networksOf(info: ContainerInfo): Record<string, string> {
  const joined = Object.entries(info.NetworkSettings?.Networks ?? {});
  return Object.fromEntries(joined.map(([name, network]) => [name, network.NetworkID ?? '']));
}

/** Ports that are only exposed have no public half. Docker lists IPv4 and IPv6 apart. */
function publishedOf(info: ContainerInfo): string[] {
  const ports = (info.Ports ?? []).filter(({ PublicPort }) => PublicPort !== undefined);
  const shown = ports.map(({ IP, PublicPort, Type }) => publishedPort(IP, PublicPort, Type));
  return [...new Set(shown)].sort();
}

/** Out of `Up 5 seconds (healthy)`, `Up 5 seconds (health: starting)`. */
export function parseHealth(status: string): ContainerHealth {
  if (status.includes('(healthy)')) return 'healthy';
  if (status.includes('(unhealthy)')) return 'unhealthy';
  return status.includes('(health: starting)') ? 'starting' : 'none';
}

/** Out of `Exited (137) 2 hours ago`. */
export function parseExitCode(status: string): number | null {
  const code = /^Exited \((-?\d+)\)/.exec(status)?.[1];
  return code === undefined ? null : Number(code);
}

/** One element of GET /images/json. What has neither tag nor digest is listed as `<none>`. */
export function parseImage({ Id, RepoTags, RepoDigests }: ImageInfo): ObservedImage {
  const named = (names: string[] | null | undefined) =>
    (names ?? []).filter((name) => !name.startsWith('<none>')).sort();
  return { id: Id, tags: named(RepoTags), digests: named(RepoDigests) };
}

/** One element of GET /networks. */
export function parseNetwork(info: NetworkInspectInfo): ObservedNetwork {
  const subnets = (info.IPAM?.Config ?? []).map((config) => config.Subnet);
  return {
    id: info.Id,
    name: info.Name,
    driver: info.Driver,
    subnets: subnets.filter((subnet): subnet is string => typeof subnet === 'string'),
    internal: info.Internal ?? false,
    labels: info.Labels ?? {},
  };
}

/**
 * Under userns-remap the daemon keeps its data in `<data-root>/<uid>.<gid>` of container root: that is where the
 * base stands (GET /info has no field for it). Throws rather than guess: a wrong base gives files to strangers.
 */
export function parseUsernsBase(info: { SecurityOptions?: string[]; DockerRootDir?: string }): {
  uid: number;
  gid: number;
} {
  const options = info.SecurityOptions ?? [];
  if (options.some((option) => option.startsWith('name=rootless'))) {
    throw new Error('it runs rootless, which is not supported');
  }
  if (!options.some((option) => option.startsWith('name=userns'))) return { uid: 0, gid: 0 };
  const base = /\/(\d+)\.(\d+)\/?$/.exec(info.DockerRootDir ?? '');
  if (base === null) throw new Error(`userns-remap is on, but ${info.DockerRootDir} does not end in UID.GID`);
  return { uid: Number(base[1]), gid: Number(base[2]) };
}
