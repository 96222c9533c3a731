import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { StackRef } from '../types.ts';

/** What proves a backup: checks of the repository, and restores that are compared with what was archived. */

/** `partial`: as far as the time goes, and on from there the next time. `verify-data` reads everything. */
export type CheckMode = 'partial' | 'full' | 'verify-data';

/** A file as it was in the snapshot that the archive was made of. */
export interface SampledFile {
  path: string;
  size: number;
  uid: number;
  gid: number;
  /** As `ls -l` has it: `-rw-r-----`. */
  mode: string;
  sha256: string;
}

/** What an archive must restore to. Taken while the snapshot was still there. */
export interface Manifest {
  archive: string;
  /** Files, folders, links: everything that is not left out. */
  entries: number;
  /** Of regular files. */
  bytes: number;
  /** SHA-256 of the listing, which is kept beside it. Manifests of an earlier Steward have none. */
  listing?: string;
  sample: SampledFile[];
}

interface Scratch {
  dataset: string;
  mountpoint: string;
}

export type ProofStep =
  | { op: 'borg-check'; repository: RepositoryRef; mode: CheckMode; maxSeconds: number }
  | BorgManifest
  /** A dataset that is nobody's data, marked with `steward:run=<run>`; refused where too little is free for it. */
  | {
      op: 'scratch-create';
      dataset: string;
      mountpoint: string;
      run: string;
      maxBytes: number;
      /** A stack is started on it, which may run programs out of its data. */
      runs?: true;
    }
  | { op: 'borg-extract-scratch'; repository: RepositoryRef; archive: string; guard: Scratch }
  | { op: 'borg-compare'; repository: RepositoryRef; guard: Scratch; manifest: Manifest }
  | DrillStart
  /** Containers, network and volumes of a drill's own. */
  | { op: 'drill-stop'; project: string }
  /** Only the one that carries the mark of this run, set locally. */
  | { op: 'scratch-destroy'; dataset: string; run: string };

/** The service's stack, kept apart from everything, on what was restored. */
export interface DrillStart {
  op: 'drill-start';
  service: string;
  stack: StackRef;
  /** Compose project of the drill. */
  project: string;
  /** The service's data, in whose place the restored is seen. */
  from: string;
  guard: Scratch;
  archive: string;
  timeoutSeconds: number;
  /** Containers that may end with 0. */
  oneShots: string[];
}

export interface BorgManifest {
  op: 'borg-manifest';
  repository: RepositoryRef;
  archive: string;
  /** Where the snapshots are mounted, as for the archive itself. */
  at: string;
  mounts: { snapshot: string; below: string }[];
  /** As for the archive itself. */
  excludes: string[];
}

export interface CheckFacts {
  mode: CheckMode;
  damaged: boolean;
  /** What borg said of the damage. */
  messages: string[];
}

export interface DrillFacts {
  archive: string;
  entries: number;
  /** The first difference as a sentence; null: the restored data is what was archived. */
  difference: string | null;
}
