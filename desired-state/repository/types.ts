import type { CommitInfo } from '../types.ts';

export interface Credentials {
  /** Private deploy key; no other key is offered. Default: what the user's own ssh would use. */
  sshKeyFile?: string;
  /** The only file whose host keys are trusted. Default: the user's and the system's known_hosts. */
  knownHostsFile?: string;
  /** For HTTPS; default "git". */
  username?: string;
  /** First line is the token or password for HTTPS. Read by git's credential helper at the moment of need. */
  tokenFile?: string;
  /** PEM bundle that HTTPS certificates are verified against, instead of the system's. */
  caFile?: string;
}

/** On a disk. */
export interface Room {
  freeBytes: number;
  totalBytes: number;
}

export interface RepositoryOptions {
  /** A path, file://, ssh://, user@host:path, http:// (never with a token) or https://. */
  url: string;
  /** Default, where there is no tag either: the branch that the remote's HEAD names. */
  branch?: string;
  tag?: string;
  /** Folder of the configuration inside the repository. Default: its root. */
  path?: string;
  stateDir: string;
  credentials?: Credentials;
  /** Files with allowed signers (ssh-keygen) or armored GPG keys: only what one of these has signed is applied. */
  allowedSigners?: string[];
  /** For each single git command, default 60 s. */
  timeoutMs?: number;
  /** How much is free on the disk of the state directory; tests stand in for it. */
  readRoom?: (directory: string) => Promise<Room>;
}

export type SyncResult =
  | { ok: true; commit: CommitInfo; changed: boolean; remoteAsked: boolean }
  /**
   * `error` is a sentence for people. `commit`, the last one known, stays in force; null: there never was one.
   * `refused` is the newest one, where its signature is why.
   */
  | { ok: false; error: string; retryable: boolean; commit: CommitInfo | null; refused: CommitInfo | null };

/** `message` is one sentence for people, without secrets. */
export class RepositoryError extends Error {
  override readonly name = 'RepositoryError';
  /** False: nothing changes until a person mends something. */
  readonly retryable: boolean;
  /** Somebody else was too slow, so that nothing here need be wrong. */
  readonly timedOut: boolean;
  constructor(message: string, options: { retryable: boolean; timedOut?: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
    this.timedOut = options.timedOut ?? false;
  }
}
