import type { RouteBounds } from '../tools/caddy/bounds.ts';
import type { ProbeTarget } from '../tools/caddy/probe.ts';
import type { DnsProvider } from '../tools/dns/types.ts';
import type { BackupHook, Quiesce, RepositoryRef, Retention } from './backup-parts.ts';
import type { CommitInfo } from './commit-info.ts';
import type { ContainerParts } from './container-parts.ts';
import type { Limits, LoweredRule, RegistryLogin } from './lab-parts.ts';
import type { Contested } from './policy/home.ts';
import type { RuleId } from './schema/rule-ids.ts';

export type { CommitInfo };

/** What Git asks for, as plain data. Paths are absolute as the host will see them, never of a staging area. */

export const kinds = [
  'group',
  'zfs-dataset',
  'directory',
  'docker-network',
  'compose-stack',
  'hub-attachment',
  'caddy-route',
  'dns-record',
  'borg-repository',
  'backup',
] as const;
export type Kind = (typeof kinds)[number];

/** `kind:name`, unique on one host. The name of a directory is its path. */
export type ResourceId = `${Kind}:${string}`;

/** A place in the config repository; `file` is relative to its root, line and column count from 1. */
export interface Origin {
  file: string;
  line: number;
  column: number;
}

/** Something a person has to mend in the repository. Errors hold the whole commit back; warnings do not. */
export interface Problem extends Origin {
  severity: 'error' | 'warning';
  /** What is wrong, as a sentence without a full stop. */
  message: string;
  /** The offending text as it stands in the file. */
  text?: string;
  /** What to write instead. */
  fix?: string;
  /** The rule of the policy that is broken, where it is about one. */
  rule?: RuleId;
}

/** A rule of the policy that a service breaks. An error holds that service back, a warning is told. */
export interface PolicyFinding extends Problem {
  rule: RuleId;
  service: string;
  /** Name of the container inside the compose file; null where it is about the service as a whole. */
  container: string | null;
  contested?: Contested;
}

/** What service.yaml waives, and why. */
export interface PolicyException {
  finding: PolicyFinding;
  reason: string;
  origin: Origin;
}

interface ResourceBase<K extends Kind> {
  kind: K;
  id: ResourceId;
  name: string;
  /** The service that it belongs to; null for what the lab shares (the parent dataset). */
  service: string | null;
  origin: Origin;
  /** What must be right before this one is touched. */
  needs: ResourceId[];
}

/** The host group that lab.yaml calls sharedGroup; made when missing. Every directory that uses it needs it. */
export interface DesiredGroup extends ResourceBase<'group'> {
  kind: 'group';
}

export interface DesiredDataset extends ResourceBase<'zfs-dataset'> {
  mountpoint: string;
  /** Set locally, in the form `zfs get -p` prints: bytes for sizes. Only these are compared. */
  properties: Record<string, string>;
  propertyOrigins: Record<string, Origin>;
  /** True for the lab's parent, whose mountpoint is set rather than inherited. */
  setsMountpoint: boolean;
}

export interface DesiredDirectory extends ResourceBase<'directory'> {
  path: string;
  /** The dataset that must be mounted before anything is written at `path`. */
  dataset: string;
  datasetMountpoint: string;
  /** Owner as the container sees it; the host id is userns base + this. */
  containerUid: number;
  containerGid: number;
  /** Name of a host group that takes the place of containerGid. */
  sharedGroup: string | null;
  /** Four octal digits, e.g. "2770". */
  mode: string;
  /**
   * What is repaired when it drifts. An inferred mode is set at creation only, and so is the owner of a container
   * that starts as root: its entry point arranges both to its own liking, and two masters would fight for ever.
   */
  enforce: { owner: boolean; mode: boolean };
  /** Apply the owner to everything below, also when the directory exists already. */
  recursive: boolean;
}

export interface DesiredNetwork extends ResourceBase<'docker-network'> {
  /** A fixed subnet, where lab.yaml gives one; otherwise allocated out of `networks.pool`. */
  subnet: string | null;
  /** Rules that are waived for one that is there already, and that Steward did not make; absent: none. */
  waived?: RuleId[];
}

export interface DesiredContainer extends ContainerParts {
  /** Name of the service inside the compose file. */
  name: string;
  containerName: string | null;
  image: string;
  build: boolean;
  /** Compose's pull_policy: what is not there is fetched; each deploy of it fetches; nothing is ever fetched. */
  pull: 'missing' | 'always' | 'never';
  replicas: number;
  /** `restart: "no"` (or none): may exit 0 and is then done. */
  oneShot: boolean;
  hasHealthcheck: boolean;
  /** Names of the real Docker networks it joins. */
  networks: string[];
  /** Ports of the host that lead to it, as in ObservedContainer; null where Docker chooses some of them. */
  published: string[] | null;
  /** Absolute host paths that are bind-mounted. */
  bindMounts: string[];
  stopGraceSeconds: number;
  /** What compose would stamp as com.docker.compose.config-hash; null until it was asked (see compose/hashes). */
  configHash: string | null;
  /** Resolved configuration, flattened: dotted path -> shown value, or `#digest` where the value may be secret. */
  fields: Record<string, string>;
  fieldOrigins: Record<string, Origin>;
}

export interface DesiredStack extends ResourceBase<'compose-stack'> {
  /** Directory of the compose file, below the stable checkout. */
  directory: string;
  /** Compose files in order, absolute. */
  files: string[];
  /** Environment files for interpolation in order, absolute; the later wins. */
  envFiles: string[];
  /** Encrypted environment files in order, absolute; they win over `envFiles`. Absent where there are none. */
  encrypted?: string[];
  /** Why they could not be opened, as a sentence: the stack is left as it is. Absent where they could. */
  locked?: string;
  /** Generated override (labels only), as YAML text; null when no container needs one. Written beside the state. */
  override: { path: string; content: string } | null;
  containers: DesiredContainer[];
  /** Digest of everything that goes into this stack. */
  inputDigest: string;
  healthTimeoutSeconds: number;
  suspend: boolean;
}

/**
 * The running hub on the network of a service that has routes, beside what its own compose file says. Its name is the
 * network's.
 */
export interface DesiredAttachment extends ResourceBase<'hub-attachment'> {
  /** The hub's stack, and its container's name on the host. */
  hub: { stack: ResourceId; container: string };
}

/** How the hub is told about routes. Paths are of the host. */
export interface DesiredHub {
  service: string;
  container: string;
  stack: ResourceId;
  /** Unix socket of Caddy's admin API. */
  socket: string;
  /** Folder of the snippets, one a service. */
  folder: string;
  /** Its own Caddyfile as Git has it: global options and sites written by hand. */
  caddyfile: string;
  /** The line of it that takes the snippets in. */
  line: string;
}

/** The sites of one service, or (called like the hub's service) what the hub's own Caddyfile says. */
export interface DesiredRoute extends ResourceBase<'caddy-route'> {
  service: string;
  /** Null for the hub's own Caddyfile. */
  snippet: string | null;
  /** Whole names, sorted; `shown`: `https://photo.homelab.lan → photo-server:2283`, one a route. */
  hosts: string[];
  shown: string[];
  /** What is asked of the hub to see that each of them works. */
  probes: ProbeTarget[];
  /** What the directives of its routes may reach, which Caddy's reading of them is held against; null: there are none. */
  bounds: RouteBounds | null;
  /** IPv4, that requests are sent to. */
  addresses: string[];
}

/** A name of a route, which leads to the hub. Its name is the host's, whole. */
export interface DesiredRecord extends ResourceBase<'dns-record'> {
  service: string;
  /** Of the hub. */
  address: string;
  provider: DnsProvider;
}

/** One Borg repository, for the dataset of one service. Its name is the dataset's. */
export interface DesiredRepository extends ResourceBase<'borg-repository'> {
  repository: RepositoryRef;
  /** Of `borg check`; null: never by itself. */
  check: { cron: string; timezone: string; maxSeconds: number } | null;
  /** Of `borg check --verify-data`; null: never by itself. */
  verifyData: { cron: string; timezone: string } | null;
}

/** For every tick of the schedule there is an archive. Its name is the service's. */
export interface DesiredBackup extends ResourceBase<'backup'> {
  service: string;
  /** Compose project whose containers are quiesced. */
  project: string;
  repositoryId: ResourceId;
  repository: RepositoryRef;
  /** Five cron fields; null: by hand only. */
  schedule: { cron: string; timezone: string } | null;
  /** A tick starts at most this much later, always equally much for one service. */
  jitterSeconds: number;
  /** A tick that could not start within this time is left out; null: it is made up for however late. */
  startingDeadlineSeconds: number | null;
  suspend: boolean;
  quiesce: Quiesce;
  /** Before the snapshot (containers run), and after it (containers run again). */
  hooks: { before: BackupHook[]; after: BackupHook[] };
  /** Null: nothing is ever pruned. */
  retention: Retention | null;
  compression: string;
  /** Borg patterns, relative to the dataset's root. */
  excludes: string[];
  /** The service's dataset, then those below it in order. */
  datasets: { name: string; mountpoint: string }[];
  /** Nothing is pruned after an archive with fewer files or bytes than this share of the one before it. */
  collapsePercent: number;
  /** Restore drills; null: never by themselves. */
  drill: { cron: string; timezone: string; start: boolean } | null;
}

export type DesiredResource =
  | DesiredGroup
  | DesiredDataset
  | DesiredDirectory
  | DesiredNetwork
  | DesiredStack
  | DesiredAttachment
  | DesiredRoute
  | DesiredRecord
  | DesiredRepository
  | DesiredBackup;
export type DesiredOf<K extends Kind> = Extract<DesiredResource, { kind: K }>;

export interface DesiredState {
  commit: CommitInfo;
  labName: string;
  /** Null in a lab of stacks only: no datasets, no directories. */
  storage: { parent: string; mountpoint: string } | null;
  sharedGroup: string | null;
  networkPool: { cidr: string; prefix: number };
  /** Null where lab.yaml names none, or it cannot be told about routes. */
  hub: DesiredHub | null;
  /** What it lacks to be told about routes; null where it lacks nothing, or lab.yaml names none. */
  hubLacks: Problem | null;
  /** Null where lab.yaml names none. */
  dns: DnsProvider | null;
  limits: Limits;
  /** Host of a registry -> who Steward is there. */
  registries: Record<string, RegistryLogin>;
  /** Backups that may upload at the same time. */
  backupsAtOnce: number;
  /** Every service of the commit, also suspended ones. */
  services: string[];
  suspended: string[];
  resources: DesiredResource[];
  /** Declared and valid, but of a kind that this version does not act on yet. */
  notActedOn: { service: string; part: string; origin: Origin }[];
  warnings: Problem[];
  policy: {
    findings: PolicyFinding[];
    exceptions: PolicyException[];
    lowered?: LoweredRule[];
    ifLate?: PolicyFinding[];
  };
}

export type LoadResult = { ok: true; state: DesiredState } | { ok: false; problems: Problem[] };
