import { type Due, type DueSpec, dueTick, type Made } from './due.ts';

/**
 * A commit may change when a service is backed up. Ticks that the new schedule would have had before it was there are not
 * owed: else its service would be stopped in the middle of the day, for a night that has its archive. What was owed at
 * that moment, though, stays owed. Pure.
 */

type Ticks = Pick<DueSpec, 'schedule' | 'jitterSeconds'>;

/** The schedule whose ticks count. */
export interface ScheduleRecord extends Ticks {
  /** When it took the place of another one; ticks up to then are not owed. 0: of none. */
  sinceMs: number;
}

export interface Known extends Pick<Made, 'firstSeenMs'> {
  /** The schedule that counted until now; undefined: none was ever seen. */
  kept: ScheduleRecord | undefined;
  /** An archive is being made. */
  isRunning: boolean;
  hasArchive(spec: DueSpec, tickMs: number): boolean;
}

/** The schedule that counts now, to be kept. */
export function scheduleInForce(spec: DueSpec, known: Known, nowMs: number): ScheduleRecord {
  const { schedule, jitterSeconds } = spec;
  const { kept, isRunning } = known;
  if (kept === undefined) return { schedule, jitterSeconds, sinceMs: 0 };
  // The archive under way is for a tick of the one before: under the new one it would be made once more.
  if (isSame(spec, kept) || isRunning) return kept;
  const { state } = dueUnder(kept, spec, known, nowMs);
  return { schedule, jitterSeconds, sinceMs: state === 'done' ? nowMs : kept.sinceMs };
}

/** What is to be done now about the newest tick that counts. */
export function dueInForce(spec: DueSpec, known: Known, nowMs: number): Due {
  return dueUnder(scheduleInForce(spec, known, nowMs), spec, known, nowMs);
}

function dueUnder({ sinceMs, ...ticks }: ScheduleRecord, spec: DueSpec, known: Known, nowMs: number): Due {
  const own = { ...spec, ...ticks };
  const hasArchive = (tickMs: number) => known.hasArchive(own, tickMs);
  return dueTick(own, { firstSeenMs: Math.max(known.firstSeenMs, sinceMs), hasArchive }, nowMs);
}

function isSame(a: Ticks, b: Ticks): boolean {
  return (
    a.jitterSeconds === b.jitterSeconds &&
    a.schedule?.cron === b.schedule?.cron &&
    a.schedule?.timezone === b.schedule?.timezone
  );
}
