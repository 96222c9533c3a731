import type { BackupRecord } from '../state/backups.ts';
import { type DueSpec, nextDue } from './due.ts';
import { instant } from './names.ts';

/**
 * Back-off of failing backups: soon at first, a remote that is gone for a day is not asked every minute. An attempt that
 * stops the service is dearer than a question: after the third in a row the next comes with the next tick, and at most a
 * few come a day.
 */

const firstDelayMs = 60_000;
const longestDelayMs = 3_600_000;
const stopsInARow = 3;
const shortestHoldMs = 8 * 3_600_000;
const longestHoldMs = 24 * 3_600_000;

type Attempts = Pick<BackupRecord, 'attempts' | 'lastAttemptMs' | 'lastError'>;
type Stops = Attempts & Pick<BackupRecord, 'stops' | 'lastStopMs'>;
type Ticks = Pick<DueSpec, 'service' | 'schedule' | 'jitterSeconds'>;

/** A sentence why it is not tried yet; null when it may be. */
export function attemptLater(record: Attempts | undefined, nowMs: number): string | null {
  if (record === undefined || record.attempts === 0 || record.lastAttemptMs === null) return null;
  const delayMs = Math.min(firstDelayMs * 2 ** (record.attempts - 1), longestDelayMs);
  return within(record, record.lastAttemptMs + delayMs - nowMs);
}

/** The same for what stops the service. */
export function stopLater(record: Stops | undefined, ticks: Ticks, nowMs: number): string | null {
  if (record === undefined || record.lastStopMs === null) return null;
  const { stops, lastStopMs, attempts } = record;
  if (stops >= stopsInARow) return held(record, holdUntilMs(ticks, lastStopMs), ticks.service, nowMs);
  const isAgain = stops === stopsInARow - 1 && attempts > 0;
  const wait = isAgain ? within(record, lastStopMs + longestDelayMs - nowMs) : null;
  return wait ?? attemptLater(record, nowMs);
}

function within({ attempts, lastError }: Attempts, waitMs: number): string | null {
  // A clock that was set back must not hold a backup for longer than the longest delay.
  if (waitMs <= 0 || waitMs > longestDelayMs) return null;
  return `${lastError ?? 'it failed'}; attempt ${attempts + 1} in ${Math.ceil(waitMs / 1000)} s`;
}

/** With the next tick; but neither every hour because of an hourly one, nor only in a week because of a weekly one. */
function holdUntilMs(ticks: Ticks, lastStopMs: number): number {
  const nextMs = nextDue(ticks, lastStopMs) ?? Number.POSITIVE_INFINITY;
  return Math.min(Math.max(nextMs, lastStopMs + shortestHoldMs), lastStopMs + longestHoldMs);
}

function held({ stops, lastError }: Stops, untilMs: number, service: string, nowMs: number): string | null {
  if (nowMs >= untilMs || untilMs - nowMs > longestHoldMs) return null;
  const said = lastError ?? 'Steward ended in the middle of it';
  return `${said}; ${stops} attempts in a row have stopped the service, so the next one is made at ${instant(untilMs)}, or now by steward backup run ${service}`;
}
