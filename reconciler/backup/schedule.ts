import { Cron } from 'croner';
import { digest } from '../../tools/digest.ts';

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

export interface Timing {
  schedule: Schedule;
  jitterSeconds: number;
  /** Null: a tick is made up for however late. */
  startingDeadlineSeconds: number | null;
  service: string;
}

export interface KnownTicks {
  /** Ticks before that ask for nothing. */
  firstSeenMs: number;
  hasArchive(tickMs: number): boolean;
}

/** `lastMs` is the newest tick that has an archive; times of ticks are as the schedule has them, without jitter. */
export type DueTick =
  | { state: 'due'; tickMs: number; sinceMs: number }
  | { state: 'missed'; tickMs: number; nextMs: number | null }
  | { state: 'done'; nextMs: number | null };

/**
 * The newest tick that has come, and whether it asks for an archive. Only the newest: after a week without power one
 * archive is made, not seven. Looks at no tick by when it was last tried, so that a clock that was set back can
 * neither repeat a tick nor lose one.
 */
export function dueTick(timing: Timing, known: KnownTicks, nowMs: number): DueTick {
  const delayMs = jitterMs(timing.service, timing.jitterSeconds);
  const tickMs = lastTick(timing.schedule, nowMs - delayMs);
  const nextMs = laterBy(delayMs, nextTick(timing.schedule, nowMs - delayMs));
  if (tickMs === null || isBefore(tickMs, known.firstSeenMs, nowMs)) return { state: 'done', nextMs };
  if (known.hasArchive(tickMs)) return { state: 'done', nextMs };
  const sinceMs = tickMs + delayMs;
  const { startingDeadlineSeconds: deadline } = timing;
  if (deadline !== null && nowMs - sinceMs > deadline * 1000) return { state: 'missed', tickMs, nextMs };
  return { state: 'due', tickMs, sinceMs };
}

/** A backup that was first seen in what is now the future was seen by a clock that went wrong: it bounds nothing. */
function isBefore(tickMs: number, firstSeenMs: number, nowMs: number): boolean {
  return firstSeenMs <= nowMs && tickMs <= firstSeenMs;
}

function laterBy(delayMs: number, tickMs: number | null): number | null {
  return tickMs === null ? null : tickMs + delayMs;
}

/** 0 to `maxSeconds`, in whole seconds; always the same for one service, so that a plan is a pure function. */
export function jitterMs(service: string, maxSeconds: number): number {
  const share = Number.parseInt(digest(service).slice(0, 8), 16) / 0xffff_ffff;
  return Math.floor(share * maxSeconds) * 1000;
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

const known = new Map<string, Cron>();

/** Parsed once: hundreds of services share a handful of schedules, and each cycle asks for all of them. */
function cronOf({ cron, timezone }: Schedule): Cron {
  const key = `${cron} ${timezone}`;
  const found = known.get(key) ?? new Cron(cron, { timezone, mode: '5-part', paused: true });
  known.set(key, found);
  return found;
}
