import type { Quiesce, RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { ResourceId } from '../../desired-state/types.ts';

/** What steps of backups speak of. */

/** One container of a stack that is stopped and started again around a snapshot. */
export interface QuiescedContainer {
  id: string;
  name: string;
  /** Names of containers of the same list that must be up first, and whether they must be healthy by then. */
  needs: { name: string; healthy: boolean }[];
  /**
   * Of another service, and held because it writes to the data: it needs all that are not of another one to be up first,
   * or to have failed. Of no service: null.
   */
  foreign?: { project: string | null };
  /** What must be mounted before it is started again by whoever finds the run dead. Absent in journals of before. */
  guards?: { dataset: string; mountpoint: string }[];
}

export interface ContainerExec {
  op: 'container-exec';
  id: string;
  name: string;
  argv: string[];
  timeoutSeconds: number;
  /** As those of the container itself (QuiescedContainer). */
  guards?: { dataset: string; mountpoint: string }[];
}

/** Whose data is to be held still. */
export interface Ground {
  service: string;
  /** Its compose project. */
  project: string;
  mountpoints: string[];
}

/** The data of a service that a backup holds still. */
export interface HeldGround extends Ground {
  quiesce: Quiesce;
  /** Ids of those that write to it meanwhile, as the plan says. */
  passing: string[];
  /** Compose services that a hook is run in. */
  hooked: string[];
}

/** A snapshot that a backup reads, and where it is mounted below the service's fixed path (`` is the root). */
export interface SnapshotMount {
  snapshot: string;
  /** Relative, in order: parents come first. */
  below: string;
}

/** Another one in its place is not taken for it. */
export interface KnownRepository {
  /** Borg's own id of it. */
  borgId: string;
  /** What Steward is to forget for that. */
  id: ResourceId;
}

/** What the archive of the same run must be like for anything to be deleted. */
export interface CleanArchive {
  archive: string;
  minFiles: number;
  minBytes: number;
}

export interface BorgCreate {
  op: 'borg-create';
  repository: RepositoryRef;
  archive: string;
  /** Folder name of the fixed path that the snapshots are mounted at: the service. */
  at: string;
  mounts: SnapshotMount[];
  compression: string;
  excludes: string[];
  comment: string;
  /** Of the one that was there before; null where none is known. */
  repositoryId: string | null;
  /** Of the archive before: what progress is measured against. */
  expected: { files: number; bytes: number } | null;
  /** Said when it is done. */
  note?: string;
}
