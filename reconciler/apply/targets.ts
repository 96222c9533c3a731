import { isBelow } from '../../desired-state/files.ts';
import type { BorgExtract, MountGuard } from '../types.ts';

/** Which parts of the live data a restore exchanges. Pure. */

export type Target = { guard: MountGuard; path: string };

/** Roots of datasets that are chosen as a whole, and single paths in the dataset that they are on. */
export function targetsOf({ mounts, paths }: Pick<BorgExtract, 'mounts' | 'paths'>): Target[] {
  const whole = (below: string) =>
    paths.length === 0 || paths.some((chosen) => below === chosen || below.startsWith(`${chosen}/`));
  const roots = mounts
    .filter(({ below }) => whole(below))
    .map(({ guard }) => ({ guard, path: guard.mountpoint }));
  const root = mounts[0]?.guard.mountpoint ?? '';
  const single = paths.flatMap((chosen) => {
    const own = mounts.findLast(({ below }) => below === '' || `${chosen}/`.startsWith(`${below}/`));
    const isRoot = own === undefined || own.below === chosen;
    return isRoot ? [] : [{ guard: own.guard, path: `${root}/${chosen}` }];
  });
  return [...single, ...roots];
}

/**
 * What is mounted inside the data that a restore exchanges, and is no part of the backup: its root would get the owner that
 * the folder in its place had in the archive. Snapshots that somebody looks at are mounted by ZFS itself, and nobody writes
 * there. A sentence; null where there is nothing. Pure.
 */
export function mountedInside(
  step: Pick<BorgExtract, 'mounts' | 'paths'>,
  mounts: readonly { source: string; mountpoint: string }[],
): string | null {
  const root = step.mounts[0]?.guard.mountpoint ?? '';
  const known = new Set(step.mounts.map(({ guard }) => guard.mountpoint));
  const targets = targetsOf(step).map(({ path }) => path);
  const others = mounts.filter(
    ({ mountpoint }) =>
      isBelow(mountpoint, root) &&
      !known.has(mountpoint) &&
      !mountpoint.includes('/.zfs/snapshot/') &&
      targets.some((target) => isBelow(mountpoint, target) || isBelow(target, mountpoint)),
  );
  if (others.length === 0) return null;
  const names = others.map(({ source, mountpoint }) => `${source} at ${mountpoint}`).join(', ');
  return `${names} is mounted inside and not part of the backup`;
}
