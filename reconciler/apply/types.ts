import type { CheckFacts, DrillFacts, Manifest } from '../proof/types.ts';
import type { Step } from '../types.ts';

/** A step did not succeed. `message` is one sentence for people: what failed and what the tool said. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly retryable: boolean;
  /** An archive is damaged beyond doubt, and nothing else is wrong: an older one may be whole. */
  readonly isDamage: boolean;
  /** The repository that was known is gone from its place, or another one is there. */
  readonly isLost: boolean;
  /** Where it is about several containers: which of them, and why. */
  readonly failing: readonly Failing[];
  constructor(
    message: string,
    options: {
      retryable?: boolean;
      isDamage?: boolean;
      isLost?: boolean;
      failing?: readonly Failing[];
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? true;
    this.isDamage = options.isDamage ?? false;
    this.isLost = options.isLost ?? false;
    this.failing = options.failing ?? [];
  }
}

/** What went wrong with one container of a step that is about several. */
export interface Failing {
  container: string;
  /** A sentence that names it. */
  message: string;
}

/** What Borg said of an archive that it has just made. */
export interface ArchiveFacts {
  name: string;
  /** Borg's own id, 64 hex digits. */
  id: string;
  files: number;
  /**
   * Files that had to be read because they were new or changed; the others came out of the files cache. Null where an
   * earlier attempt made the archive: nobody counted.
   */
  filesRead: number | null;
  originalBytes: number;
  compressedBytes: number;
  /** What it added to the repository. */
  deduplicatedBytes: number;
  durationMs: number;
  /** When Borg began with it; null where it does not say. Data is never from later. */
  startMs: number | null;
  /** Empty when Borg ended with 0: only then is the archive whole beyond doubt. */
  warnings: string[];
}

/** One archive as `borg list` tells it. */
export interface ListedArchive {
  name: string;
  id: string;
  /** Milliseconds since the epoch: when Borg began with it, which may be hours after the snapshot. */
  atMs: number;
  /** How much is in it, where Borg was asked. */
  size?: { files: number; originalBytes: number };
  /** Somebody asked for it, and no schedule; null where it does not say, absent where Borg was not asked. */
  byHand?: boolean | null;
}

/** What a step has found out, for the record and for later steps of the same change. */
export interface StepFacts {
  archive?: ArchiveFacts;
  repository?: {
    id: string;
    encryption: string;
    archives: ListedArchive[];
    /** Names of what attempts that were cut off have left. */
    checkpoints: string[];
  };
  check?: CheckFacts;
  /** What an archive says of itself. */
  comment?: string;
  manifest?: Manifest;
  drill?: DrillFacts;
  /** Sentences for people about a step that did what it should. */
  notes?: string[];
  /** The step did what it should, and what it found out fails the change: a sentence for people. */
  failed?: string;
  /** Where that is about several containers: which of them. */
  failing?: Failing[];
  /** The step held back on purpose: a sentence why. It did not fail. */
  heldBack?: string;
}

/** How far a long step is. Bytes and files are those read so far. */
export interface StepProgress {
  files: number;
  bytes: number;
  /** To be read in all; null where that is not known. */
  totalBytes: number | null;
  /** What it is at, such as a path; null where it does not say. */
  at: string | null;
}

export interface ExecuteOptions {
  signal?: AbortSignal;
  onProgress?: (progress: StepProgress) => void;
  /**
   * It puts right what was begun at this instant or later, in milliseconds since the epoch, by a run that may have died
   * in the middle of it: containers that it has told to stop may be ending still.
   */
  sinceMs?: number;
}

/**
 * The writing half of a host: real tools, or the simulator. Each step is idempotent: running it again after a
 * crash in its middle leads to the same end. Throws StepError.
 */
export interface Executor {
  // biome-ignore lint/suspicious/noConfusingVoidType: most steps have nothing to tell.
  execute(step: Step, options: ExecuteOptions): Promise<StepFacts | void>;
}
