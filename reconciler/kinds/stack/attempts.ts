import type { DesiredStack } from '../../../desired-state/types.ts';
import { digest } from '../../../tools/digest.ts';
import type { ServiceRecord } from '../../state/inventory.ts';

/**
 * Back-off of one service. Attempts count for as long as the input stays the same and the service was not seen
 * healthy for a while: an `up` that succeeds proves little for something that crashes a second later, and a counter
 * that such an `up` resets never stops a loop.
 */

const firstDelayMs = 5_000;
const longestDelayMs = 10 * 60_000;
/** Repairs that may follow each other at once, e.g. somebody stops a container by hand twice. */
const freeRepairs = 3;
/** After so many failures in a row only a new input, or a person, makes Steward try again. */
const stalledAfter = 8;
/** Seen in sync this long after the last attempt: whatever was wrong is over. */
export const provenAfterMs = 60_000;

export type Permission =
  | { ok: true }
  | { ok: false; state: 'backing-off' | 'stalled'; note: string; untilMs: number | null };

export function mayAttempt(
  desired: DesiredStack,
  record: ServiceRecord | undefined,
  nowMs: number,
): Permission {
  if (record === undefined || record.attemptedInput !== desired.inputDigest) return { ok: true };
  const said = record.lastError === null ? '' : ` (${record.lastError})`;
  if (record.lastFailed && record.attempts >= stalledAfter) {
    const note = `gave up after ${record.attempts} attempts with the same configuration${said}; it is tried again when Git changes it, or with \`steward retry ${desired.name}\``;
    return { ok: false, state: 'stalled', note, untilMs: null };
  }
  const untilMs = (record.lastAttemptMs ?? 0) + delayMs(record);
  // A clock that was set back must not hold a service for days: no wait is longer than the longest delay.
  if (nowMs >= untilMs || untilMs - nowMs > longestDelayMs * 2) return { ok: true };
  const seconds = Math.ceil((untilMs - nowMs) / 1000);
  const verb = record.lastFailed ? 'failed' : 'did not last';
  const note = `attempt ${record.attempts} ${verb}${said}; next one in ${seconds} s`;
  return { ok: false, state: 'backing-off', note, untilMs };
}

function delayMs(record: ServiceRecord): number {
  const counted = record.lastFailed ? record.attempts : record.attempts - freeRepairs;
  if (counted <= 0) return 0;
  const delay = Math.min(firstDelayMs * 2 ** (counted - 1), longestDelayMs);
  return delay * jitter(`${record.service}/${record.attempts}`);
}

/** 0.8 to 1.2, always the same for the same attempt: a plan is a pure function of what it was given. */
function jitter(seed: string): number {
  return 0.8 + (Number.parseInt(digest(seed).slice(0, 4), 16) / 0xffff) * 0.4;
}
