import { Cron } from 'croner';

/**
 * The ticks of a schedule. Pure: the time is handed in. Summer time is the zone's, and follows what people expect of
 * cron: a tick inside the hour that is left out comes at the hour's end; one that names an hour which is repeated comes
 * the first time only; one that says "every" hour or minute comes both times.
 */

export interface Schedule {
  /** Five cron fields. */
  cron: string;
  /** IANA name; summer time is the zone's. */
  timezone: string;
}

/** The newest tick at or before `nowMs`; null where the schedule had none in the last years. */
export function lastTick(schedule: Schedule, nowMs: number): number | null {
  // croner looks for runs strictly before, in whole seconds.
  const nextSecondMs = (Math.floor(nowMs / 1000) + 1) * 1000;
  return cronOf(schedule).previousRuns(1, new Date(nextSecondMs))[0]?.getTime() ?? null;
}

/** The first tick after `nowMs`; null where the schedule never comes again. */
export function nextTick(schedule: Schedule, nowMs: number): number | null {
  return cronOf(schedule).nextRun(new Date(nowMs))?.getTime() ?? null;
}

function cronOf({ cron, timezone }: Schedule): Cron {
  return new Cron(cron, { timezone, mode: '5-part', paused: true });
}
