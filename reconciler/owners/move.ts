import type { IdRange } from '../../observers/types.ts';
import type { NumbersHere, OwnerNumbers } from './numbers.ts';

/**
 * From the numbers of one server to those of another, so that a container sees the same owners. Ranges of ids may
 * overlap: a number is looked up once in what it meant there, and never twice. Pure.
 */

/** Ids from `first` on become those from `to` on; null: this server has none for them. */
export interface IdShift {
  first: number;
  count: number;
  to: number | null;
}

export interface OwnerMove {
  /** The first that an id is in counts; one that is in none is a host's own, and stays. */
  uid: IdShift[];
  gid: IdShift[];
  /** Mountpoints that are not a container's: what is root's of them stays root's. */
  hostTops: string[];
}

/** Null: numbers stay as they are. */
export interface OwnerPlan {
  owners: OwnerMove | null;
  /** A sentence for people. */
  note?: string;
}

/** `there`: null where the archive does not say. */
export function planOwners(there: OwnerNumbers | null, here: NumbersHere): OwnerPlan {
  if (there === null) return { owners: null, note: unsaid };
  const group = groupShift(there, here);
  const { hostTops } = here;
  const uid = shiftsOf(rangesOf(there).uid, allOf(here).uid);
  const gid = [...group.shifts, ...shiftsOf(rangesOf(there).gid, allOf(here).gid)];
  const isStill = [...uid, ...gid].every(({ first, to }) => first === to);
  const notes = [...(isStill ? [] : [whatMoves(there, here, group)]), ...group.notes];
  const note = notes.length === 0 ? {} : { note: notes.join('; ') };
  return { owners: isStill ? null : { uid, gid, hostTops }, ...note };
}

const unsaid =
  'the archive does not say what the numbers of its owners meant (userns-remap), so that they stayed as they are';

/** Null: this server has no number for one of them. */
export function movedOwner(
  { uid, gid }: { uid: number; gid: number },
  owners: OwnerMove,
  isHostTop: boolean,
): { uid: number; gid: number } | null {
  const moved = (id: number, shifts: IdShift[]) => (isHostTop && id === 0 ? 0 : movedId(id, shifts));
  const found = { uid: moved(uid, owners.uid), gid: moved(gid, owners.gid) };
  return found.uid === null || found.gid === null ? null : { uid: found.uid, gid: found.gid };
}

/** Null: this server has no id for it. */
export function movedId(id: number, shifts: readonly IdShift[]): number | null {
  const own = shifts.find(({ first, count }) => id >= first && id < first + count);
  if (own === undefined) return id;
  return own.to === null ? null : own.to + (id - own.first);
}

/** Each piece of `from` that lies in one piece of `to`, container id by container id. */
export function shiftsOf(from: readonly IdRange[], to: readonly IdRange[]): IdShift[] {
  const shifts: IdShift[] = [];
  let containerId = 0;
  for (const { start, count } of from) {
    for (let done = 0; done < count; ) {
      const place = placeOf(containerId + done, to);
      const size = Math.min(count - done, place?.left ?? count);
      shifts.push({ first: start + done, count: size, to: place?.id ?? null });
      done += size;
    }
    containerId += count;
  }
  return shifts;
}

/** The host id of a container's, and how many follow it in the same range. */
function placeOf(containerId: number, ranges: readonly IdRange[]): { id: number; left: number } | null {
  let offset = containerId;
  for (const { start, count } of ranges) {
    if (offset < count) return { id: start + offset, left: count - offset };
    offset -= count;
  }
  return null;
}

/** Without userns-remap the ids of containers are the host's own: these are taken for theirs. */
const containers: IdRange[] = [{ start: 0, count: 65_536 }];
/** And a container may have any. */
const everything: IdRange[] = [{ start: 0, count: 2 ** 32 - 1 }];

function rangesOf({ userns }: OwnerNumbers) {
  return userns ?? { uid: containers, gid: containers };
}

function allOf({ userns }: OwnerNumbers) {
  return userns ?? { uid: everything, gid: everything };
}

/** A host's group goes by its name; it comes before the ids of containers, with which it may share its number. */
function groupShift({ group }: OwnerNumbers, here: NumbersHere) {
  if (group === null) return { shifts: [], notes: [], from: null };
  const { name, gid } = group;
  const own = here.groups[name] ?? here.group?.gid;
  const shifts = [{ first: gid, count: 1, to: own ?? gid }];
  if (own !== undefined) return { shifts, notes: [], from: own === gid ? null : group, to: own };
  return { shifts, notes: [`there is no group ${name} here, so that its number ${gid} stayed`], from: null };
}

function whatMoves(there: OwnerNumbers, here: OwnerNumbers, group: ReturnType<typeof groupShift>): string {
  const [from, to] = [baseOf(there), baseOf(here)];
  const parts = [
    ...(from === to ? [] : [`from ${named(from)} to ${from === null ? named(to) : (to ?? named(to))}`]),
    ...(group.from === null ? [] : [`of group ${group.from.name} from ${group.from.gid} to ${group.to}`]),
  ];
  return `owners moved ${parts.length === 0 ? 'to other ranges of ids' : parts.join(' and ')}`;
}

function baseOf({ userns }: OwnerNumbers): string | null {
  if (userns === null) return null;
  const [uid, gid] = [userns.uid[0]?.start, userns.gid[0]?.start];
  return `${uid === gid ? uid : `${uid}:${gid}`}`;
}

function named(base: string | null): string {
  return base === null ? 'no userns-remap' : `base ${base}`;
}
