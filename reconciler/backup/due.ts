import { digest } from '../../tools/digest.ts';
import { isTick, lastTick, nextTick, type Schedule } from './schedule.ts';

/**
 * Whether a backup is due: level-triggered, as everything. Only the newest tick counts, so that a week without power
 * leaves one backup to make and not seven; and only whether it has its archive, so that a clock that jumps neither
 * repeats nor forgets one. Pure: the time and what is there are handed in.
 */

export interface DueSpec {
  /** Its name decides the jitter. */
  service: string;
  /** Null: by hand only, never due. */
  schedule: Schedule | null;
  jitterSeconds: number;
  /** Null: made up for however late. */
  startingDeadlineSeconds: number | null;
}

export interface Made {
  /** When Steward first saw this backup declared; ticks up to then are not owed. */
  firstSeenMs: number;
  /** Whether the tick has its archive, see `archiveOf`. */
  hasArchive(tickMs: number): boolean;
}

export type Due =
  /** `sinceMs`: the tick and its jitter; overdue is measured from there. */
  | { state: 'due'; tickMs: number; sinceMs: number }
  /** Too late for this one: `startingDeadlineSeconds` went by without an archive. */
  | { state: 'missed'; tickMs: number }
  /** `lastMs`: the tick that has its archive, null before the first. `nextMs`: when the next one starts, with jitter. */
  | { state: 'done'; lastMs: number | null; nextMs: number | null };

/** What is to be done now about the newest tick. */
export function dueTick(spec: DueSpec, made: Made, nowMs: number): Due {
  const { schedule } = spec;
  if (schedule === null) return { state: 'done', lastMs: null, nextMs: null };
  const shiftMs = jitterMs(spec.service, spec.jitterSeconds);
  const tickMs = lastTick(schedule, nowMs - shiftMs);
  const done = (lastMs: number | null): Due => ({ state: 'done', lastMs, nextMs: nextDue(spec, nowMs) });
  if (tickMs === null) return done(null);
  if (made.hasArchive(tickMs)) return done(tickMs);
  const sinceMs = tickMs + shiftMs;
  if (sinceMs <= made.firstSeenMs) return done(null);
  const { startingDeadlineSeconds: limit } = spec;
  if (limit !== null && nowMs - sinceMs > limit * 1000) return { state: 'missed', tickMs };
  return { state: 'due', tickMs, sinceMs };
}

/** When the next tick after `nowMs` starts, with its jitter; null: never by itself. */
export function nextDue(
  { service, schedule, jitterSeconds }: Pick<DueSpec, 'service' | 'schedule' | 'jitterSeconds'>,
  nowMs: number,
): number | null {
  if (schedule === null) return null;
  const shiftMs = jitterMs(service, jitterSeconds);
  const next = nextTick(schedule, nowMs - shiftMs);
  return next === null ? null : next + shiftMs;
}

/**
 * Whether one of the archives (their times in milliseconds) belongs to the tick: not before its start, and before that
 * of the next. One from a clock that ran ahead so does not count for the ticks until then.
 */
export function archiveOf(spec: DueSpec, tickMs: number, archivesMs: Iterable<number>): boolean {
  if (spec.schedule === null) return false;
  const shiftMs = jitterMs(spec.service, spec.jitterSeconds);
  const endMs = (nextTick(spec.schedule, tickMs) ?? Number.POSITIVE_INFINITY) + shiftMs;
  for (const atMs of archivesMs) if (atMs >= tickMs + shiftMs && atMs < endMs) return true;
  return false;
}

/** Whether something was due at this very time, with its jitter: what is made by hand stands for any second. */
export function isDueTime(
  { service, schedule, jitterSeconds }: Pick<DueSpec, 'service' | 'schedule' | 'jitterSeconds'>,
  atMs: number,
): boolean {
  return schedule !== null && isTick(schedule, atMs - jitterMs(service, jitterSeconds));
}

/** Whole seconds from 0 to `maxSeconds`, as milliseconds: the same for a name at every time and on every machine. */
export function jitterMs(service: string, maxSeconds: number): number {
  if (maxSeconds === 0) return 0;
  const share = shares.get(service) ?? Number.parseInt(digest(service).slice(0, 8), 16) / 2 ** 32;
  shares.set(service, share);
  return Math.floor(share * (maxSeconds + 1)) * 1000;
}

/** Service -> its place between 0 and 1: asked for several times in every cycle. */
const shares = new Map<string, number>();
