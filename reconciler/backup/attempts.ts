import type { BackupRecord } from '../state/backups.ts';

/** Back-off of failing backups: soon at first, a remote that is gone for a day is not asked every minute. */

const firstDelayMs = 60_000;
const longestDelayMs = 3_600_000;

/** A sentence why it is not tried yet; null when it may be. */
export function attemptLater(
  record: Pick<BackupRecord, 'attempts' | 'lastAttemptMs' | 'lastError'> | undefined,
  nowMs: number,
): string | null {
  if (record === undefined || record.attempts === 0 || record.lastAttemptMs === null) return null;
  const delayMs = Math.min(firstDelayMs * 2 ** (record.attempts - 1), longestDelayMs);
  const waitMs = record.lastAttemptMs + delayMs - nowMs;
  // A clock that was set back must not hold a backup for longer than the longest delay.
  if (waitMs <= 0 || waitMs > longestDelayMs) return null;
  const said = record.lastError ?? 'it failed';
  return `${said}; attempt ${record.attempts + 1} in ${Math.ceil(waitMs / 1000)} s`;
}
