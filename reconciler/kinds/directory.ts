import type { DesiredDirectory } from '../../desired-state/types.ts';
import type { ObservedPath } from '../../observers/types.ts';
import type { InventoryEntry } from '../state/inventory.ts';
import type { MountGuard, Reason, Step } from '../types.ts';
import { blocked, quietChange, type Verdict, type World } from '../world.ts';
import { gidOf } from './group.ts';

/** Directories that containers write to: made once with the right owner, then only what Git enforces is repaired. */

interface Owner {
  uid: number;
  gid: number;
  /** For people: `101000:labdata`. */
  text: string;
}

export function diff(desired: DesiredDirectory, world: World): Verdict {
  const owner = ownerOf(desired, world);
  if ('error' in owner) return blocked(desired, 'unknown', owner.error);
  // Below a dataset that is not mounted yet there is nothing to look at: what stat saw is the disk underneath.
  if (!isMounted(desired, world)) return creation(desired, owner, isHidden(desired, world));
  const seen = world.observed.paths[desired.path];
  if (seen === undefined) return blocked(desired, 'unknown', `${desired.path} was not looked at`);
  if (!seen.known) return blocked(desired, 'unknown', seen.error);
  return compare(desired, owner, seen.value);
}

function compare(desired: DesiredDirectory, owner: Owner, seen: ObservedPath): Verdict {
  switch (seen.type) {
    case 'absent':
      return creation(desired, owner);
    case 'link':
      return blocked(desired, 'conflict', followed(desired.path));
    case 'other':
      // A bind mount may well be a single file; only a declared directory has to be one.
      if (!desired.enforce.mode && !desired.recursive) return { state: 'in-sync', data: {} };
      return blocked(desired, 'conflict', `${desired.path} is there and is not a directory`);
    case 'directory':
      return isUnfinished(seen.mode) ? creation(desired, owner) : repair(desired, owner, seen);
  }
}

/** Why a path with a link in it is mounted nowhere. */
export function followed(path: string): string {
  return `${path} is or goes through a symbolic link, which Docker would follow out of the dataset`;
}

/** Mode 0 is how a creation begins: one that was cut off there is not a directory of somebody's making. */
function isUnfinished(mode: string): boolean {
  return (Number.parseInt(mode, 8) & 0o777) === 0;
}

function isMounted(desired: DesiredDirectory, world: World): boolean {
  const { zfs } = world.observed;
  return zfs.known && zfs.value.datasets[desired.dataset]?.mounted === true;
}

/** The dataset is there and not mounted: what it holds will be seen after the mount. */
function isHidden(desired: DesiredDirectory, world: World): boolean {
  const { zfs } = world.observed;
  return zfs.known && zfs.value.datasets[desired.dataset] !== undefined;
}

function ownerOf(desired: DesiredDirectory, world: World): Owner | { error: string } {
  const { docker } = world.observed;
  if (!docker.known) return { error: `the owner follows from Docker's userns base, and ${docker.error}` };
  const uid = docker.value.usernsBase.uid + desired.containerUid;
  if (desired.sharedGroup === null) {
    const gid = docker.value.usernsBase.gid + desired.containerGid;
    return { uid, gid, text: `${uid}:${gid}` };
  }
  const gid = gidOf(desired.sharedGroup, world);
  if (gid === null) return { error: `the id of group ${desired.sharedGroup} is not known` };
  return { uid, gid, text: `${uid}:${desired.sharedGroup}` };
}

function creation(desired: DesiredDirectory, owner: Owner, mayBeThere = false): Verdict {
  const { uid, gid } = owner;
  const step: Step = {
    op: 'directory-create',
    path: desired.path,
    guard: guardOf(desired),
    uid,
    gid,
    mode: desired.mode,
  };
  const change = quietChange(desired, 'create', {
    summary: `${owner.text} ${desired.mode}${mayBeThere ? ', unless it is there after the mount' : ''}`,
    reasons: [
      { field: 'directory', from: null, to: `${owner.text} ${desired.mode}`, origin: desired.origin },
    ],
    steps: [step],
    needs: desired.needs,
  });
  return { state: 'change', change, data: {} };
}

function repair(
  desired: DesiredDirectory,
  owner: Owner,
  seen: { uid: number; gid: number; mode: string },
): Verdict {
  const reasons: Reason[] = [];
  const steps: Step[] = [];
  const base = { path: desired.path, guard: guardOf(desired) };
  if (desired.enforce.owner && (seen.uid !== owner.uid || seen.gid !== owner.gid)) {
    reasons.push({ field: 'owner', from: `${seen.uid}:${seen.gid}`, to: owner.text, origin: desired.origin });
    steps.push({
      op: 'directory-owner',
      ...base,
      uid: owner.uid,
      gid: owner.gid,
      recursive: desired.recursive,
    });
  }
  if (desired.enforce.mode && seen.mode !== desired.mode) {
    reasons.push({ field: 'mode', from: seen.mode, to: desired.mode, origin: desired.origin });
    steps.push({ op: 'directory-mode', ...base, mode: desired.mode });
  }
  if (steps.length === 0) return { state: 'in-sync', data: {} };
  const summary = reasons.map((reason) => `${reason.from} → ${reason.to}`).join(', ');
  const change = quietChange(desired, 'update', { summary, reasons, steps, needs: desired.needs });
  return { state: 'change', change, data: {} };
}

function guardOf(desired: DesiredDirectory): MountGuard {
  return { dataset: desired.dataset, mountpoint: desired.datasetMountpoint };
}

/** A directory is data of its dataset, which is reported where it is orphaned: no line of its own. */
export function prune(_entry: InventoryEntry, _world: World): Verdict {
  return { state: 'gone' };
}
