import type { Service } from './services.ts';
import { dayMs, floor, hourMs, offsetAt } from './wall-clock.ts';

/** What the test itself has seen happen at the repositories, and what it makes of that: the other side's books. */

export interface Made {
  tickMs: number;
  /** By the server's clock. */
  snapshotMs: number;
  isDeleted: boolean;
}

export interface Record {
  /** Service -> its archives, by tick. */
  made: Map<string, Map<number, Made>>;
  /** Service -> its jitter, as its first archive has shown it. */
  jitters: Map<string, number>;
  /** Service -> when its backup was first looked at, by the server's clock. */
  firstSeenMs: Map<string, number>;
  /** Service -> tick that its last restore for proof was of. */
  proven: Map<string, number>;
  deletions: number;
}

export function newRecord(): Record {
  return {
    made: new Map(),
    jitters: new Map(),
    firstSeenMs: new Map(),
    proven: new Map(),
    deletions: 0,
  };
}

/** Undefined: not known yet. */
export function jitterOf({ name, maxJitterMs }: Service, { jitters }: Record): number | undefined {
  return maxJitterMs === 0 ? 0 : jitters.get(name);
}

/** Position of the newest tick at or before that time; -1: none. */
export function newest(ticks: readonly number[], atMs: number): number {
  let [low, high] = [0, ticks.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ticks[middle] as number) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The newest tick where it has no archive; null where it has, or none is owed yet. Undefined: the jitter is not known. */
export function openTick(service: Service, record: Record, nowMs: number): number | null | undefined {
  const jitterMs = jitterOf(service, record);
  const { ticks, name, maxJitterMs } = service;
  const tickMs = ticks[newest(ticks, nowMs - (jitterMs ?? 0))];
  if (tickMs === undefined) return null;
  if (jitterMs === undefined && nowMs - tickMs < maxJitterMs) return undefined;
  const isOwed =
    tickMs + (jitterMs ?? maxJitterMs) > (record.firstSeenMs.get(name) ?? Number.POSITIVE_INFINITY);
  return isOwed && record.made.get(name)?.get(tickMs)?.isDeleted !== false ? tickMs : null;
}

/** The tick that an archive is named after. Throws where there is no such tick, or it has its archive. */
export function recordArchive(service: Service, archive: string, snapshotMs: number, record: Record): void {
  const { name, ticks } = service;
  const tickMs = tickOf(service, archive, record);
  const jitterMs = jitterOf(service, record) ?? 0;
  const own = record.made.get(name) ?? new Map<number, Made>();
  if (own.get(tickMs)?.isDeleted === false) throw new Error(`${archive} was made twice`);
  // A clock that was set back comes to ticks again whose archives the retention has taken.
  own.delete(tickMs);
  const nextMs = (ticks[newest(ticks, tickMs) + 1] ?? Number.POSITIVE_INFINITY) + jitterMs;
  if (snapshotMs < tickMs + jitterMs || snapshotMs >= nextMs)
    throw new Error(`${archive} holds what was at ${new Date(snapshotMs).toISOString()}`);
  record.made.set(name, own.set(tickMs, { tickMs, snapshotMs, isDeleted: false }));
}

export function tickOf(service: Service, archive: string, record: Record): number {
  const { name, ticks, maxJitterMs } = service;
  const atMs = archive.startsWith(`${name}-`) ? Date.parse(archive.slice(name.length + 1)) : Number.NaN;
  const tickMs = ticks[newest(ticks, atMs)];
  const jitterMs = atMs - (tickMs ?? Number.NaN);
  const expected = jitterOf(service, record);
  const isRight =
    expected === undefined ? jitterMs <= maxJitterMs && jitterMs % 1000 === 0 : jitterMs === expected;
  if (tickMs === undefined || !isRight) throw new Error(`${archive} is of no tick of ${service.cron}`);
  record.jitters.set(name, jitterMs);
  return tickMs;
}

/**
 * Deletes them from the books. Throws where one of them was the newest, the one that was last proven by restoring it, or
 * the newest of one of the periods that the retention promises.
 */
export function recordDeletion(service: Service, archives: readonly string[], record: Record): void {
  const { name } = service;
  const own = record.made.get(name) ?? new Map<number, Made>();
  const held = [...own.values()].filter(({ isDeleted }) => !isDeleted).map(({ tickMs }) => tickMs);
  const newestMs = Math.max(...[...own.values()].slice(-1).map(({ tickMs }) => tickMs));
  const kept = new Set([
    ...promised(
      service,
      held.filter((tickMs) => tickMs <= newestMs),
    ),
    newestMs,
  ]);
  const proven = record.proven.get(name);
  if (proven !== undefined) kept.add(proven);
  for (const archive of archives) {
    const tickMs = tickOf(service, archive, record);
    const found = own.get(tickMs);
    if (found === undefined || found.isDeleted) throw new Error(`${archive} was deleted, and is not there`);
    if (kept.has(tickMs)) throw new Error(`${archive} was deleted, and had to stay`);
    found.isDeleted = true;
    record.deletions += 1;
  }
}

/** The newest of each of the last so many periods. */
function promised({ retention, rule: { timezone } }: Service, held: readonly number[]): number[] {
  const newestFirst = [...held].sort((a, b) => b - a);
  return Object.entries(retention ?? {}).flatMap(([rule, count = 0]) => {
    const periods = new Map<number, number>();
    for (const tickMs of newestFirst) {
      const period = periodOf(rule, tickMs + offsetAt(timezone, tickMs));
      if (!periods.has(period)) periods.set(period, tickMs);
    }
    return [...periods.values()].slice(0, count);
  });
}

function periodOf(rule: string, wallMs: number): number {
  if (rule === 'hourly') return floor(wallMs, hourMs);
  if (rule === 'daily') return floor(wallMs, dayMs);
  // The first of January 1970 was a Thursday, and weeks begin on Monday.
  if (rule === 'weekly') return floor(wallMs + 3 * dayMs, 7 * dayMs);
  const date = new Date(wallMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
