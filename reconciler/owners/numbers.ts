import type { DesiredBackup, DesiredState } from '../../desired-state/types.ts';
import type { IdRange, ObservedState } from '../../observers/types.ts';

/**
 * Owners are numbers, and what a number means is a matter of the server: under userns-remap container user 999 is host
 * id base + 999, with the base of that server. Pure.
 */
export interface OwnerNumbers {
  /** Host ids of containers, in the order of the containers' own from 0 on; null without userns-remap: they are the same. */
  userns: { uid: IdRange[]; gid: IdRange[] } | null;
  /** The host group of directories (sharedGroup of lab.yaml); null where there is none, or its number is not known. */
  group: { name: string; gid: number } | null;
}

/** This server as an archive has to be fitted to it. */
export interface NumbersHere extends OwnerNumbers {
  /** Host groups, name -> number. */
  groups: Record<string, number>;
  /** Mountpoints that no container sees as such: what is root's of them stays root's. */
  hostTops: string[];
}

/** Throws an Error with a sentence where the host does not say. */
export function numbersOf({ docker, system }: ObservedState, sharedGroup: string | null): OwnerNumbers {
  if (!docker.known) throw new Error(`owners follow from Docker's userns base, and ${docker.error}`);
  const { uid, gid } = docker.value.usernsBase;
  const known = system.known ? system.value : null;
  const groupId = known?.groups[sharedGroup ?? ''];
  return {
    userns:
      uid === 0
        ? null
        : { uid: rangesFrom(uid, known?.subUids ?? {}), gid: rangesFrom(gid, known?.subGids ?? {}) },
    group: sharedGroup === null || groupId === undefined ? null : { name: sharedGroup, gid: groupId },
  };
}

/** For the data of one service. Throws an Error with a sentence where the host does not say. */
export function numbersHere(
  observed: ObservedState,
  { sharedGroup, resources }: DesiredState,
  { datasets }: DesiredBackup,
): NumbersHere {
  const numbers = numbersOf(observed, sharedGroup);
  if (!observed.system.known) throw new Error(observed.system.error);
  const ofContainers = new Set(resources.flatMap((each) => (each.kind === 'directory' ? [each.path] : [])));
  const hostTops = datasets.map(({ mountpoint }) => mountpoint).filter((top) => !ofContainers.has(top));
  return { ...numbers, groups: observed.system.value.groups, hostTops };
}

/** What useradd gives to one user. */
const usualCount = 65_536;

/**
 * Docker says where its ids begin, and /etc/subuid how many there are; in the order of the file, or (before Docker 23)
 * lowest first. A file that was edited since Docker started does not tell.
 */
function rangesFrom(base: number, ranges: Record<string, IdRange[]>): IdRange[] {
  const orders = Object.values(ranges).flatMap((own) => [own, own.toSorted((a, b) => a.start - b.start)]);
  return orders.find(([first]) => first?.start === base) ?? [{ start: base, count: usualCount }];
}
