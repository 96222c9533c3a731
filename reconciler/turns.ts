import { isProof } from './proof/record.ts';
import type { Change } from './types.ts';

/**
 * Whose turn it is beside the cycles. Backups come first: as many at a time as lab.yaml allows, the one that has waited
 * longest before the others. What only looks (checks, restores for proof) has one slot of its own, so that one that
 * takes days keeps no backup waiting but that of its own repository. Pure.
 */
export type Slot = 'backup' | 'proof';

/** Key -> its slot, of all that is under way. */
export type Running = ReadonlyMap<string, { slot: Slot }>;

export function keyOf(group: readonly Change[]): string {
  return group[0]?.background?.locks.join(' ') ?? '';
}

export function slotOf(group: readonly Change[]): Slot {
  return group.some(isProof) ? 'proof' : 'backup';
}

/** `begunAt`: key -> when it was last begun, in any unit. */
export function nextTurns(
  groups: readonly Change[][],
  running: Running,
  backupsAtOnce: number,
  begunAt: ReadonlyMap<string, number>,
): Change[][] {
  const free = { backup: backupsAtOnce, proof: 1 };
  for (const { slot } of running.values()) free[slot] -= 1;
  const rank = (group: Change[]) => (slotOf(group) === 'backup' ? 0 : 1);
  const last = (group: Change[]) => begunAt.get(keyOf(group)) ?? 0;
  return groups
    .filter((group) => !running.has(keyOf(group)))
    .sort((a, b) => rank(a) - rank(b) || last(a) - last(b))
    .filter((group) => {
      free[slotOf(group)] -= 1;
      return free[slotOf(group)] >= 0;
    });
}
