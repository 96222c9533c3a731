import path from 'node:path';
import type { ContainerInfo } from 'dockerode';
import type { ObservedContainer } from './types.ts';

/** Where containers write to on the host, of what Docker lists. Source: Engine API v1.41 and later. */

type Mount = ContainerInfo['Mounts'][number];
/** Name of a volume -> the folder of the host that it stands for. */
export type Folders = ReadonlyMap<string, string>;

/**
 * Docker says the folder of a bind mount as it was given, cleaned, and that of a volume as it was given; links in them are
 * not followed.
 */
export function writesOf({ Mounts: mounts }: ContainerInfo, folders: Folders): string[] {
  const found = (mounts ?? []).filter(isWritten).map((mount) => folders.get(nameOf(mount)) ?? mount.Source);
  return [...new Set(found.filter((folder) => folder?.startsWith('/')).map(cleaned))].sort();
}

/** Whether only a look at the volumes can tell which folder of the host is written to. */
export function mountsNamedVolume({ Mounts: mounts }: ContainerInfo): boolean {
  return (mounts ?? []).some((mount) => isWritten(mount) && nameOf(mount) !== '');
}

/** One element of GET /volumes; a share of the network is no folder of this host. */
export interface ListedVolume {
  Name: string;
  Options?: Record<string, string> | null;
}

export function foldersOf(volumes: readonly ListedVolume[]): Folders {
  return new Map(
    volumes.flatMap(({ Name: name, Options: options }) => {
      const isBind = (options?.o ?? '').split(',').some((option) => /^r?bind$/.test(option.trim()));
      return isBind && options?.device?.startsWith('/') ? [[name, options.device] as const] : [];
    }),
  );
}

/** Only of such as compose did not make, which never asks for it, and where a stop is thought of. */
export function mayRemoveItself({ state, project, writes }: ObservedContainer): boolean {
  return project === null && writes.length > 0 && ['running', 'restarting', 'paused'].includes(state);
}

/** What does not say that it is read-only is not. */
function isWritten({ Type: type, RW: isWritable }: Mount): boolean {
  return (type === 'bind' || type === 'volume') && isWritable !== false;
}

/** `` of a bind mount, and of a volume that nobody has given a name. */
function nameOf({ Type: type, Name: name = '' }: Mount): string {
  return type === 'volume' && !/^[0-9a-f]{64}$/.test(name) ? name : '';
}

/** One folder has one form, that of Git's side: `/srv//photo` is no other than `/srv/photo`. */
function cleaned(folder: string): string {
  const normal = path.posix.normalize(folder);
  return normal.length > 1 ? normal.replace(/\/$/, '') : normal;
}
