import type { DesiredGroup } from '../../desired-state/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import { blocked, quietChange, type Verdict, type World } from '../world.ts';

/** Debian's range for system groups that are made on the spot, taken from the top (adduser(8), SYS_GID). */
const systemGids = { first: 999, last: 100 };

export function diff(desired: DesiredGroup, world: World): Verdict {
  const { system } = world.observed;
  if (!system.known) return blocked(desired, 'unknown', system.error);
  if (system.value.groups[desired.name] !== undefined) return { state: 'in-sync', data: {} };
  const gid = gidOf(desired.name, world);
  if (gid === null) return blocked(desired, 'conflict', 'no group id between 100 and 999 is free');
  const change = quietChange(desired, 'create', {
    summary: `gid ${gid}`,
    reasons: [{ field: 'group', from: null, to: desired.name, origin: desired.origin }],
    steps: [{ op: 'group-create', group: desired.name, gid }],
    needs: desired.needs,
  });
  return { state: 'change', change, data: {} };
}

/** A group may own files all over the host: it is never removed, and not worth a line. */
export function prune(_entry: InventoryEntry, _world: World): Verdict {
  return { state: 'gone' };
}

/** The id that a group has, or will be made with: chosen while planning, since a plan leaves no choice to apply. */
export function gidOf(group: string, world: World): number | null {
  const { system } = world.observed;
  if (!system.known) return null;
  const existing = system.value.groups[group];
  if (existing !== undefined) return existing;
  const used = new Set(Object.values(system.value.groups));
  for (let gid = systemGids.first; gid >= systemGids.last; gid -= 1) if (!used.has(gid)) return gid;
  return null;
}
