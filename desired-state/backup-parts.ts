/** What backups are made of, as plain data. */

/** How Borg reaches one repository. Paths are of the host; the passphrase itself is never here. */
export interface RepositoryRef {
  /** As borg takes it: `ssh://borg@backup.lan/./lab/datapool_services_photo`, or an absolute path. */
  location: string;
  /** Borg's name of the mode, e.g. `repokey-blake2`. */
  encryption: string;
  /** Null where there is none, with `encryption: none`. */
  passphraseFile: string | null;
  /** Private key and known_hosts for SSH; null: those of the user. */
  identity: string | null;
  knownHosts: string | null;
  /** Where `keyfile` modes keep their keys; null: Borg's own place below the state folder. */
  keysDirectory: string | null;
  /** Nothing may be deleted in it: prune is off. */
  appendOnly: boolean;
}

export type Quiesce = 'stop' | 'pause' | 'none';

/** How many archives of each kind are kept; a kind that is not named keeps none. */
export interface Retention {
  hourly?: number | undefined;
  daily?: number | undefined;
  weekly?: number | undefined;
  monthly?: number | undefined;
  yearly?: number | undefined;
}

/** A command inside a container of the service, around the snapshot. */
export interface BackupHook {
  /** Name of the service inside the compose file. */
  container: string;
  argv: string[];
  timeoutSeconds: number;
}
