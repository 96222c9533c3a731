import type { BackupStatus, Status } from './render/types.ts';

/** What time alone has changed since the last cycle. Pure. */

/** As many may be missing as /healthz allows. */
const missedCycles = 3;

/**
 * When the last cycle of a daemon ended, where others should have followed it by now. Null where that is not so, where
 * somebody is in the middle of one, and where it was no daemon's: how often those are made is nobody's knowledge.
 */
export function silentSince({ lastCycle, intervalMs, lock }: Status, nowMs: number): number | null {
  if (lastCycle === null || intervalMs === undefined || lock !== undefined) return null;
  const endedMs = lastCycle.at + lastCycle.durationMs;
  return nowMs - endedMs > missedCycles * intervalMs ? endedMs : null;
}

/** A tick that has come since is owed from then on, although nobody has looked. */
export function dueByNow(backups: BackupStatus[], nowMs: number): BackupStatus[] {
  return backups.map((backup) => {
    const { state, nextAt, overdueSince } = backup;
    if (nextAt === null || nextAt > nowMs || (state !== 'done' && state !== 'missed')) return backup;
    return { ...backup, state: 'due', since: nextAt, why: null, overdueSince: overdueSince ?? nextAt };
  });
}
