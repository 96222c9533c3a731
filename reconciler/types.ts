import type { RepositoryRef } from '../desired-state/backup-parts.ts';
import type { RegistryLogin } from '../desired-state/lab-parts.ts';
import type { CommitInfo, DesiredState, Kind, Origin, Problem, ResourceId } from '../desired-state/types.ts';
import type { RouteBounds } from '../tools/caddy/bounds.ts';
import type { DnsProvider } from '../tools/dns/types.ts';
import type {
  BorgCreate,
  CleanArchive,
  ContainerExec,
  HeldGround,
  KnownRepository,
  QuiescedContainer,
} from './backup/step-parts.ts';
import type { ChangePart, PartEnd } from './part-types.ts';
import type { ProbeGate } from './probe-gate.ts';
import type { ProofStep } from './proof/types.ts';
import type { RestoreStep } from './restore/types.ts';

export type { BorgCreate, ContainerExec } from './backup/step-parts.ts';
export type { BorgManifest, Manifest, ProofStep, SampledFile } from './proof/types.ts';
export type {
  BorgExtract,
  BorgExtractTo,
  RequireEmpty,
  RestoreMount,
  RestoreStep,
  RollbackStep,
} from './restore/types.ts';

/** Plans as plain, serialisable data: what `plan` shows is what `reconcile` does. */

/** Why: which field, from what, to what, and where the wish is written. Values that may be secret are not here. */
export interface Reason {
  field: string;
  from: string | null;
  to: string | null;
  /** A sentence for what from -> to cannot say. */
  note?: string;
  origin?: Origin;
  /** Inside a stack: the compose service that it is about. */
  container?: string;
}

export type DisruptionLevel = 'none' | 'reload' | 'restart' | 'downtime' | 'destructive';

export interface Disruption {
  level: DisruptionLevel;
  /** Expected, from the history of this service where there is one. */
  seconds: number;
  /** Names of the containers that stop. */
  containers: string[];
}

/**
 * ZFS user property that marks a dataset as ours: set locally, it holds the dataset's own guid. User properties are
 * inherited and travel with send and receive, so that neither a name nor the bare presence of one proves anything.
 */
export const ownershipProperty = 'steward:guid';

/** A dataset that must be mounted at the very moment of a write below its mountpoint. */
export interface MountGuard {
  dataset: string;
  mountpoint: string;
}

export type Step =
  | { op: 'group-create'; group: string; gid: number }
  | { op: 'zfs-create'; dataset: string; properties: Record<string, string>; mountpoint: string }
  | { op: 'zfs-set'; dataset: string; property: string; value: string }
  /** Back to the inherited value: Git no longer declares a property that it once did. */
  | { op: 'zfs-inherit'; dataset: string; property: string }
  | { op: 'zfs-mount'; dataset: string; mountpoint: string }
  | { op: 'directory-create'; path: string; guard: MountGuard; uid: number; gid: number; mode: string }
  | { op: 'directory-owner'; path: string; guard: MountGuard; uid: number; gid: number; recursive: boolean }
  | { op: 'directory-mode'; path: string; guard: MountGuard; mode: string }
  | { op: 'network-create'; network: string; subnet: string; labels: Record<string, string> }
  | { op: 'network-remove'; network: string }
  /** A running container joins or leaves a network; it is not stopped for it. */
  | { op: 'network-connect'; network: string; container: string }
  | { op: 'network-disconnect'; network: string; container: string }
  | CaddyLoad
  | DnsPut
  | { op: 'dns-remove'; provider: DnsProvider; mark: string; name: string; address: string }
  /** By its tag, or by its digest, and then `tag` stands for it. */
  | { op: 'image-pull'; image: string; tag: string | null; login: (RegistryLogin & { host: string }) | null }
  /** An image that is there gets a name, whatever the name stood for. */
  | { op: 'image-tag'; id: string; image: string }
  | ComposeUp
  | { op: 'compose-restart'; stack: StackRef; services: string[]; guards: MountGuard[] }
  | { op: 'compose-down'; project: string }
  | { op: 'container-remove'; id: string; name: string }
  | BackupStep;

/** A name gets an address, in the place of the one that it is known to have: else it is left alone. */
export interface DnsPut {
  op: 'dns-put';
  provider: DnsProvider;
  mark: string;
  name: string;
  address: string;
  replaces: string | null;
}

/** The hub's own Caddyfile with the snippets of its folder, one of them exchanged, in the running hub. */
export interface CaddyLoad {
  op: 'caddy-load';
  socket: string;
  folder: string;
  caddyfile: string;
  line: string;
  /** Of the snippet that is exchanged. */
  name: string;
  /** Null: none is, only the Caddyfile is loaded; ``: it goes. */
  snippet: string | null;
  /** What it may reach, where a person has written directives into it. */
  bounds?: RouteBounds;
  /** Snippets of others that have an address of this one now: they change in the same moment. */
  along?: { name: string; snippet: string; bounds?: RouteBounds }[];
}

/** What the steps of a backup do to the host; all of them may be run again after a crash in their middle. */
export type BackupStep =
  /** Made with its encryption when missing; one that is there is opened with the passphrase, and so adopted. */
  | { op: 'borg-init'; repository: RepositoryRef }
  /** Reads which archives there are, of ours and of others; in `known`, the repository that was there before. */
  | { op: 'borg-list'; repository: RepositoryRef; known?: KnownRepository }
  | ContainerExec
  /** Dependents first, each with its own stop_grace_period. */
  | { op: 'containers-stop'; containers: QuiescedContainer[] }
  /** What they need first. Those that run already stay as they are. `healthTimeoutSeconds`: default 180; `note`: said when done. */
  | { op: 'containers-start'; containers: QuiescedContainer[]; healthTimeoutSeconds?: number; note?: string }
  | { op: 'containers-pause'; containers: QuiescedContainer[] }
  | { op: 'containers-unpause'; containers: QuiescedContainer[] }
  /**
   * All of them at one instant, tagged with `steward:run=<run>`. A marker is a small file that is written first,
   * the newest of all: Borg reads again whatever has the newest time stamp, and that should not be the database.
   */
  | {
      op: 'zfs-snapshot';
      snapshots: string[];
      run: string;
      markers: { path: string; guard: MountGuard }[];
      /** Said when it is done. */
      note?: string;
    }
  /** Only those that carry the tag of this run, set locally. */
  | { op: 'zfs-destroy-snapshots'; snapshots: string[]; run: string }
  | BorgCreate
  /** By name. Refused where the archive just made gives reason for doubt. */
  | { op: 'borg-delete'; repository: RepositoryRef; archives: string[]; onlyAfter: CleanArchive | null }
  | { op: 'borg-compact'; repository: RepositoryRef }
  | ProofStep
  | RestoreStep;

/** How compose is to be called for one stack. */
export interface StackRef {
  project: string;
  directory: string;
  files: string[];
  envFiles: string[];
  /** Encrypted ones, which win over `envFiles`: whoever calls compose opens them for that call. */
  encrypted?: string[];
  override: { path: string; content: string } | null;
}

export interface ComposeUp {
  op: 'compose-up';
  stack: StackRef;
  /** Exactly these services; the others are not touched. Empty: all of them. */
  services: string[];
  build: boolean;
  /** Recreate although the configuration is the same: its network is a new one, or its files changed. */
  forceRecreate: boolean;
  guards: MountGuard[];
}

export type ChangeVerb = 'create' | 'update' | 'replace' | 'delete' | 'run';

export interface Change {
  verb: ChangeVerb;
  kind: Kind;
  id: ResourceId;
  name: string;
  service: string | null;
  /** One short phrase for the plan's line: `10.88.0.64/26`, `4 containers`. */
  summary: string;
  reasons: Reason[];
  /** Only ids that change in this plan. */
  needs: ResourceId[];
  disruption: Disruption;
  steps: Step[];
  /** A stack: wait until it is healthy. */
  gate?: HealthGate;
  /** A route: ask for it until it answers. */
  probe?: ProbeGate;
  /** Never beside another one with it: see image-turns.ts. */
  imageTurn?: true;
  /** Containers that are made anew from what they do not carry themselves (kinds/stack/made.ts) -> ids of those there. */
  makes?: Record<string, string[]>;
  /**
   * What must be put right if the change ends between two of its steps: step `of` makes it necessary, step `by` of
   * the same change does it. In the journal before step `of` begins, and run by whoever finds it undone.
   */
  undo?: { of: number; by: number }[];
  rescue?: Rescue;
  /** Steps whose failure fails the change at its end only: what comes after them goes on. */
  mayFail?: number[];
  /** For several services at once: what of it is of one alone, see parts.ts. */
  parts?: ChangePart[];
  /** Not part of a cycle: carried out beside it, as it may take hours. */
  background?: Background;
}

/**
 * Steps that are no part of the change: what puts everything back where it fails. From step `of` on each is in the
 * journal; they run in this order, and one that cannot be done keeps those after it from being begun. When all before
 * step `until` is done, none of them is wanted any more.
 */
export interface Rescue {
  steps: { of: number; step: Step }[];
  until: number;
  /** Whether what was done must first be proven to be good, or stays, and what is not well at the end is only told. */
  unwell: 'taken-back' | 'told';
}

export interface Background {
  /** Kernel locks held for as long as the change is under way, so that nobody else is at it. */
  locks: string[];
  /** Steps during which no cycle may run, first and last; null where there are none. */
  exclusive: { first: number; last: number } | null;
  /** Whose containers it holds still: looked at again once no cycle can run, since a plan may be old by then. */
  holds?: HeldGround[];
}

export interface HealthGate {
  project: string;
  timeoutSeconds: number;
  containers: { service: string; oneShot: boolean; hasHealthcheck: boolean; replicas: number }[];
}

/** Something wanted that must not or cannot be done now, or something to know. */
export interface Notice {
  verb: 'blocked' | 'report';
  kind: Kind;
  id: ResourceId;
  name: string;
  service: string | null;
  /** suspended | orphaned | unknown | waiting | stalled | conflict … : bounded, for metrics. */
  state: NoticeState;
  reasons: Reason[];
}
export type NoticeState =
  | 'unknown'
  | 'waiting'
  | 'conflict'
  | 'refused'
  | 'backing-off'
  | 'stalled'
  | 'orphaned'
  | 'suspended'
  | 'degraded'
  /** Its service breaks a rule of the policy. */
  | 'policy'
  /** All is as Git says; a repository whose key is nowhere else. */
  | 'key-not-exported'
  /** Containers that Git does not know, and that are reached from outside or reach what Git knows. */
  | 'not-in-git'
  /** Under way beside the cycles. */
  | 'running';

export interface Plan {
  commit: CommitInfo;
  /** Ids of what is as Git says. */
  inSync: ResourceId[];
  changes: Change[];
  /** Wanted, but held back. The host does not converge while there is one. */
  blocked: Notice[];
  /** Nothing to do, but to be known: orphaned data, suspended services. */
  reports: Notice[];
  /** Set when the whole commit is held until it is approved. */
  held: Reason | null;
  problems: Problem[];
  policy: DesiredState['policy'];
}

export type ChangeResult = 'applied' | 'failed' | 'skipped';

export interface Outcome {
  change: Change;
  result: ChangeResult;
  /** One sentence; null when applied. */
  error: string | null;
  durationMs: number;
  /** Measured: how long containers that ran before were not running. */
  downtimeMs: number;
  /** What was held back on purpose, and why. */
  notes?: string[];
  /** How it ended for each service, where the change has parts. */
  parts?: PartEnd[];
}
