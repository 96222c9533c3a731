import type { RouteBounds } from '../tools/caddy/bounds.ts';
import type { ProbeAnswer, ProbeTarget } from '../tools/caddy/probe.ts';
import type { DnsProvider, SeenName } from '../tools/dns/types.ts';

export type { ProbeAnswer, ProbeTarget, SeenName };

/** What the host says, as plain data. Read only. */

/** Unknown is not absent: a tool that did not answer says nothing about what exists. */
export type Observed<T> = { known: true; value: T } | { known: false; error: string };

export type PropertySource = 'local' | 'default' | 'inherited' | 'temporary' | 'received' | 'none';

export interface ObservedDataset {
  name: string;
  guid: string;
  mounted: boolean;
  /** `none` and `legacy` as ZFS prints them. */
  mountpoint: string;
  properties: Record<string, { value: string; source: PropertySource }>;
  /** Seconds since the epoch, or null when there never was a snapshot. */
  snapshotsChanged: number | null;
}

export interface ObservedZfs {
  /** Names of imported pools. */
  pools: string[];
  /** Those of them in which nothing can be written any more, not even a snapshot. */
  fullPools: string[];
  datasets: Record<string, ObservedDataset>;
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
export type ContainerHealth = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface ObservedContainer {
  id: string;
  name: string;
  /** From compose's labels; null for a container that compose did not make. */
  project: string | null;
  service: string | null;
  configHash: string | null;
  filesDigest: string | null;
  image: string;
  imageId: string;
  state: ContainerState;
  health: ContainerHealth;
  /** Of an exited container; null otherwise. */
  exitCode: number | null;
  /** Network name -> network id. */
  networks: Record<string, string>;
  /** Id of the container whose network it is in, in the place of one of its own; absent: it has its own. */
  sharesNetworkOf?: string;
  /** Ports of the host that lead to it: `443/tcp`, or `127.0.0.1:8080/tcp` where it is not every address. Sorted. */
  published: string[];
  /** One-off of `docker compose run`: not part of the stack. */
  oneOff: boolean;
  /** Folders of the host that are mounted into it, and not read-only. Sorted. */
  writes: string[];
  /** Docker removes it when it stops (`docker run --rm`). Asked only of one that runs, writes, and that compose did not make. */
  autoRemove: boolean;
  /** Runs for less than a second: one that is restarted again and again looks like this whenever it runs at all. */
  justStarted: boolean;
  /** Compose services that it needs first -> compose's condition, such as `service_healthy`. */
  dependsOn: Record<string, string>;
}

export interface ObservedNetwork {
  id: string;
  name: string;
  driver: string;
  subnets: string[];
  internal: boolean;
  labels: Record<string, string>;
}

/** An image that is on this host. */
export interface ObservedImage {
  /** `sha256:…` of its configuration: Docker's own name of it. */
  id: string;
  /** `postgres:16`, as Docker lists them. */
  tags: string[];
  /** `postgres@sha256:…`: what a registry calls it; empty for one that was built or imported here. */
  digests: string[];
}

export interface ObservedDocker {
  serverVersion: string;
  /** Host ids of container root: 0 without userns-remap. */
  usernsBase: { uid: number; gid: number };
  containers: ObservedContainer[];
  networks: ObservedNetwork[];
  images: ObservedImage[];
}

export interface ObservedSystem {
  groups: Record<string, number>;
  users: Record<string, number>;
  /** /etc/subuid and /etc/subgid: the ranges of each name, in the order of the file. */
  subUids: Record<string, IdRange[]>;
  subGids: Record<string, IdRange[]>;
}

export interface IdRange {
  start: number;
  count: number;
}

/** `absent`: nothing at that path. A link is not followed. */
export type ObservedPath =
  | { type: 'absent' }
  | { type: 'directory'; uid: number; gid: number; mode: string }
  /** A symbolic link, or something that is reached through one: Docker would follow it to anywhere on the server. */
  | { type: 'link' }
  | { type: 'other' };

/** Caddy's configurations are its own JSON. */
export interface ObservedHub {
  running: unknown;
  /** Name -> text of the snippets that are there. */
  files: ReadonlyMap<string, string>;
  /**
   * What it makes of Git's Caddyfile with the snippets that are there: what it has to run with, as long as no route
   * changes. Without those that it refuses; null where it refuses the Caddyfile itself.
   */
  kept: unknown;
  /** Why a hub that starts now, with Git's Caddyfile, would not come up; null: it would. */
  atStart: string | null;
  /** Name of a snippet of Git (or of the hub's own Caddyfile) -> why Caddy refuses it. */
  refused: ReadonlyMap<string, string>;
  /** The same of files that are there, and that no change would replace: nothing can be loaded beside them. */
  strange: ReadonlyMap<string, string>;
  /** Name of a snippet of Git -> what it would reach, or answer for, that is not its own: a sentence. */
  stray?: ReadonlyMap<string, string>;
}

/** What the hub is asked, of what Git says. */
export interface HubRequest {
  /** Name of its container: what one Caddy has said need not be true of the next. */
  container: string;
  socket: string;
  folder: string;
  caddyfile: string;
  line: string;
  /** What the hub's own Caddyfile is called in `refused`. */
  own: string;
  /** Name -> text of the snippets that are to be there. Files of other names stay as they are. */
  snippets: ReadonlyMap<string, string>;
  /** Name -> what those may reach in which a person has written directives. */
  bounds?: ReadonlyMap<string, RouteBounds>;
  /** Names of those that are to go. */
  leaving: readonly string[];
}

/** How the hub is asked for its routes. */
export interface ProbeRequest {
  /** Name of its container, and the socket of its admin API. */
  container: string;
  socket: string;
  targets: ProbeTarget[];
  signal?: AbortSignal | undefined;
}

export interface DnsRequest {
  provider: DnsProvider;
  /** The mark of this lab. */
  mark: string;
  names: string[];
}

/** What is mounted, of whatever kind, as the kernel says it. */
export interface ObservedMount {
  /** A dataset, a device, a share: what the kernel calls it. */
  source: string;
  mountpoint: string;
  /** Of the file system: `zfs`, `ext4`, `nfs4`. */
  type: string;
}

export interface ObservedState {
  zfs: Observed<ObservedZfs>;
  mounts: Observed<ObservedMount[]>;
  docker: Observed<ObservedDocker>;
  system: Observed<ObservedSystem>;
  paths: Record<string, Observed<ObservedPath>>;
  /** Null where it was not asked. */
  hub: Observed<ObservedHub> | null;
  /** By name; null where it was not asked. */
  dns: Observed<Record<string, SeenName>> | null;
}

/** What a cycle wants to know. Tools are asked once each, whatever the number of resources. */
export interface ObserveRequest {
  paths: string[];
  hub?: HubRequest;
  dns?: DnsRequest;
  signal?: AbortSignal;
}

/** The reading half of a host: real tools, or the simulator. Never throws for a tool's fault. */
export interface Observer {
  observe(request: ObserveRequest): Promise<ObservedState>;
  /** All containers and nothing else, for health gates that look again and again. */
  observeContainers(signal?: AbortSignal): Promise<Observed<ObservedContainer[]>>;
  /** Each route as the hub answers for it, in the same order. */
  probe(request: ProbeRequest): Promise<ProbeAnswer[]>;
}
