import { type Lock, type LockHolder, takeLock } from '../reconciler/state/lock.ts';
import { systemClock } from '../tools/clock.ts';
import { UserError } from './errors.ts';

const tryEveryMs = 200;

export interface LockRequest {
  stateDir: string;
  command: string;
  waitMs: number;
  /** However long: what this very process is at beside its cycles comes to an end by itself, and nothing is wrong. */
  waitsForOwn?: boolean;
  /** Called once when somebody else has it. */
  onWait?: (holder: LockHolder | null) => void;
  signal?: AbortSignal;
}

/** Runs `action` as the only Steward on this state folder. Throws UserError that names who has it. */
export async function locked<T>(request: LockRequest, action: () => Promise<T>): Promise<T> {
  const lock = await acquire(request);
  try {
    return await action();
  } finally {
    lock.release();
  }
}

/** The same for whoever gives it back by himself. */
export async function acquire(request: LockRequest): Promise<Lock> {
  const self = { command: request.command, sinceMs: systemClock.now() };
  const deadline = systemClock.monotonic() + request.waitMs;
  for (let tries = 0; ; tries += 1) {
    const result = takeLock(request.stateDir, self, 0);
    if (result.ok) return result.lock;
    // Free again an instant later is no news: somebody only looked whether it is held.
    if (tries === 1) request.onWait?.(result.holder);
    const isOwn = request.waitsForOwn === true && result.holder?.pid === process.pid;
    const isOver = systemClock.monotonic() >= deadline && !isOwn;
    if (isOver || request.signal?.aborted === true) {
      throw new UserError(`${describe(result.holder)} is at work on ${request.stateDir}; nothing was done`);
    }
    await systemClock.sleep(tryEveryMs, request.signal);
  }
}

export function describe(holder: LockHolder | null): string {
  if (holder === null) return 'another steward';
  return `steward ${holder.command} (pid ${holder.pid}, since ${new Date(holder.sinceMs).toISOString()})`;
}
