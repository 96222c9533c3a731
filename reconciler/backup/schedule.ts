import { Cron } from 'croner';

/** When a backup is due. Pure: the time is handed in. */

export interface Schedule {
  /** Five cron fields. */
  cron: string;
  /** IANA name; summer time is the zone's. */
  timezone: string;
}

/** The newest tick at or before `nowMs`; null where the schedule had none in the last years. */
export function lastTick(schedule: Schedule, nowMs: number): number | null {
  // croner's previous runs lie strictly before, in whole seconds.
  const [tick] = cronOf(schedule).previousRuns(1, new Date(nowMs + 1_000));
  if (tick === undefined) return null;
  return tick.getTime() <= nowMs ? tick.getTime() : lastTick(schedule, nowMs - 1_000);
}

/** The first tick after `nowMs`; null where the schedule never comes again. */
export function nextTick(schedule: Schedule, nowMs: number): number | null {
  return cronOf(schedule).nextRun(new Date(nowMs))?.getTime() ?? null;
}

function cronOf({ cron, timezone }: Schedule): Cron {
  return new Cron(cron, { timezone, mode: '5-part', paused: true });
}

export type DueTick =
  | { state: 'due'; tickMs: number; sinceMs: number }
  | { state: 'missed'; tickMs: number }
  | { state: 'done'; lastMs: number | null; nextMs: number | null };

export function dueTick(
  backup: {
    schedule: Schedule;
    jitterSeconds: number;
    startingDeadlineSeconds: number | null;
    service: string;
  },
  known: { firstSeenMs: number; hasArchive(tickMs: number): boolean },
  nowMs: number,
): DueTick {
  const tickMs = lastTick(backup.schedule, nowMs);
  const nextMs = nextTick(backup.schedule, nowMs);
  if (tickMs === null || tickMs <= known.firstSeenMs || known.hasArchive(tickMs))
    return { state: 'done', lastMs: tickMs, nextMs };
  return { state: 'due', tickMs, sinceMs: tickMs };
}
