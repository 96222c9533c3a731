/** What a container is made from or stands on beside its own configuration. */
export interface ContainerParts {
  /** Digest of bind-mounted repository files, carried as the label io.steward.files; null where there are none. */
  filesDigest: string | null;
  /** Each configuration file that goes into filesDigest: repository path -> digest. */
  files: Record<string, string>;
  /**
   * What it is made from and compose's hash leaves out: texts of configs and secrets, names of volumes, how its image is
   * built. Dotted path -> value as in `fields`; absent where there is nothing of it.
   */
  inputs?: Record<string, string>;
  /** Networks that compose makes for it -> whether nothing leads out of them (`internal`); absent without any. */
  ownNetworks?: Record<string, boolean>;
  /** Volumes that stand for a folder of the host, and that it writes to -> the folder; absent without any. */
  volumeFolders?: Record<string, string>;
}
