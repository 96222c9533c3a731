/** How one repository is reached, as plain data; desired-state's RepositoryRef is one. */
export interface BorgRepository {
  /** As borg takes it: `ssh://borg@host/./path`, or an absolute path. */
  location: string;
  /** Borg's name of the mode, e.g. `repokey-blake2`. */
  encryption: string;
  /** Null where there is none, with `encryption: none`. */
  passphraseFile: string | null;
  /** Private key and known_hosts for SSH; null: those of the user. */
  identity: string | null;
  knownHosts: string | null;
  /** Where `keyfile` modes keep their keys; null: below borg's base directory. */
  keysDirectory: string | null;
}

/** Borg could not do what it was asked for. `message` is one sentence for people, without secrets. */
export class BorgError extends Error {
  override readonly name = 'BorgError';
  /** Of borg (modern codes); null: it was not started, hung, or was ended. */
  readonly exitCode: number | null;
  readonly retryable: boolean;
  constructor(
    message: string,
    options: { exitCode?: number | null; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? null;
    this.retryable = options.retryable ?? true;
  }
}
