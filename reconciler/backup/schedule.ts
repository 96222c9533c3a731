import { Cron } from 'croner';

/**
 * The ticks of a schedule. Pure: the time is handed in. Summer time is the zone's, and follows what people expect of
 * cron: a tick inside the hour that is left out comes at the hour's end; one that names an hour which is repeated comes
 * the first time only; one that says "every" hour or minute, or every so many, comes both times,
 * and not at all where the hour is left out.
 */

export interface Schedule {
  /** Five cron fields. */
  cron: string;
  /** IANA name; summer time is the zone's. */
  timezone: string;
}

/** The newest tick at or before `nowMs`; null where the schedule had none in the last years. */
export function lastTick(schedule: Schedule, nowMs: number): number | null {
  return around(schedule, nowMs).lastMs;
}

/** The first tick after `nowMs`; null where the schedule never comes again. */
export function nextTick(schedule: Schedule, nowMs: number): number | null {
  return around(schedule, nowMs).nextMs;
}

/** Whether it is a tick. */
export function isTick(schedule: Schedule, atMs: number): boolean {
  const cron = cronOf(schedule);
  // The first says yes at a fraction of the cost; in the night that has an hour less, only the second knows.
  return cron.match(new Date(atMs)) || lastRun(cron, atMs) === atMs;
}

interface Between {
  lastMs: number | null;
  nextMs: number | null;
}

/**
 * Schedule -> the ticks that it was last asked between: they stay the same until the next one, and a time zone takes
 * croner a thousand times as long as a look in here. A process knows as many as it has schedules.
 */
const asked = new Map<string, Between>();

function around(schedule: Schedule, nowMs: number): Between {
  const key = `${schedule.timezone} ${schedule.cron}`;
  const known = asked.get(key);
  if (known !== undefined && isBetween(known, nowMs)) return known;
  const cron = cronOf(schedule);
  const found = { lastMs: lastRun(cron, nowMs), nextMs: cron.nextRun(new Date(nowMs))?.getTime() ?? null };
  asked.set(key, found);
  return found;
}

function isBetween({ lastMs, nextMs }: Between, nowMs: number): boolean {
  return lastMs !== null && nextMs !== null && lastMs <= nowMs && nowMs < nextMs;
}

function cronOf({ cron, timezone }: Schedule): Cron {
  return new Cron(cron, {
    timezone,
    mode: '5-part',
    paused: true,
    // `30 2,14 * * *` names its hours too: else its 02:30 would be lost in March, and come twice in October.
    fixedTimeRule: 'no-wildcard',
  });
}

/** At or before `nowMs`. */
function lastRun(cron: Cron, nowMs: number): number | null {
  // croner looks for runs strictly before, in whole seconds.
  const nextSecondMs = (Math.floor(nowMs / 1000) + 1) * 1000;
  return cron.previousRuns(1, new Date(nextSecondMs))[0]?.getTime() ?? null;
}
