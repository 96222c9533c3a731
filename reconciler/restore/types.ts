import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { OwnerMove } from '../owners/move.ts';

/** What a restore does to the host; all of it may be run again after a crash in its middle. */

/** A dataset of the service, and where it is below the service's own (`` is that one itself), parents first. */
export interface RestoreMount {
  guard: { dataset: string; mountpoint: string };
  below: string;
}

export type RestoreStep =
  /** Nothing is stopped for an archive that is not there, has nothing at one of these paths, or is far from fitting. */
  | {
      op: 'borg-find';
      repository: RepositoryRef;
      archive: string;
      paths: string[];
      /** Where it must fit. */
      dataset: string;
      /** What is there is of an attempt that has failed, and goes first. */
      anew?: true;
    }
  /** Reads what the archive says of itself. */
  | { op: 'borg-comment'; repository: RepositoryRef; archive: string }
  | BorgExtract
  | RequireEmpty
  | BorgExtractTo
  | RollbackStep
  /**
   * Back to snapshots of this run, each the newest of its dataset: ZFS would have to destroy a newer one first, and
   * that is never asked of it. Looked at in all of them before one is touched.
   */
  | { op: 'zfs-rollback'; snapshots: string[]; run: string };

/** What a rollback to a snapshot by hand does. */
export type RollbackStep =
  | {
      op: 'snapshot-by-hand';
      datasets: { name: string; guid: string }[];
      tag: string;
      /** Said when it is done. */
      note?: string;
    }
  /** The files of one dataset become those of its snapshot; datasets mounted below it are not touched. */
  | {
      op: 'files-restore';
      service: string;
      snapshot: string;
      safety: string;
      guard: { dataset: string; mountpoint: string };
      /** Said when it is done. */
      note?: string;
    };

/** A copy of what the archive holds, in a new or an empty folder: no service's data is touched. */
export interface BorgExtractTo {
  op: 'borg-extract-to';
  repository: RepositoryRef;
  archive: string;
  /** Relative to the service's dataset; empty: everything. */
  paths: string[];
  folder: string;
}

/** There is nothing on these datasets but folders: a recovery never writes over data. */
export interface RequireEmpty {
  op: 'require-empty';
  mounts: RestoreMount[];
  /** Nobody sees what is on one that is not mounted, so that it is refused as well. */
  mounted?: true;
  /** Files from before this instant do not count, in milliseconds since the epoch. */
  sinceMs?: number;
}

/**
 * What is there is removed first, then the archive is written in its place, modes and attributes as they are, and then
 * its owners get the numbers of this server. Run again it begins anew: no owner is moved twice. Where there is no room for
 * all of it, none of it stays: others live on the same pool.
 */
export interface BorgExtract {
  op: 'borg-extract';
  repository: RepositoryRef;
  archive: string;
  /** Relative to the service's dataset; empty: everything. */
  paths: string[];
  mounts: RestoreMount[];
  /** Null: numbers stay as they are. */
  owners: OwnerMove | null;
  /** Said when it is done. */
  note?: string;
}
