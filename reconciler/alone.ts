import { type Executor, StepError } from './apply/types.ts';
import type { StepDeps } from './step-deps.ts';
import type { Change, Step } from './types.ts';

/**
 * Containers are held still for one change at a time. From the first that stops to the last that starts a backup holds
 * the lock of the cycles, so that neither a cycle nor another backup starts one of them before the snapshot is taken, and
 * a container that writes to the data of two services is stopped and started by one of their backups after the other.
 * Three things would still come between, and are kept away here:
 * - a plan that is old by the time that it has the lock: it is looked at again, and not begun where other containers run;
 * - a start outside of that part (one that failed at first, the end of a restore), which might start what somebody else
 *   holds still at that moment: it has the lock for as long as it takes;
 * - a restore, which keeps containers down for hours without the lock. What it keeps down does not run, so that no plan
 *   names it any more, and older plans are found to be old; the cycles leave their services alone (see readRestoring).
 */
export interface AloneDeps {
  executor: Executor;
  holdCycles(): Promise<{ release(): void }>;
  /** Once no cycle can run: a sentence why the change is not to be begun; null where it may. */
  staleSince?(change: Change): Promise<string | null>;
}

/** For changes that are carried out one after the other. */
export function alone({
  executor,
  holdCycles,
  staleSince,
}: AloneDeps): Pick<StepDeps, 'executor' | 'holdCycles'> {
  let holders = 0;
  const hold = async () => {
    const lock = await holdCycles();
    holders += 1;
    return releasedOnce(() => {
      holders -= 1;
      lock.release();
    });
  };
  return {
    async holdCycles(change) {
      const lock = await hold();
      try {
        const since = (await staleSince?.(change)) ?? null;
        if (since !== null) throw new StepError(since);
        return lock;
      } catch (error) {
        lock.release();
        throw error;
      }
    },
    executor: {
      async execute(step, options) {
        // Nobody who does not give way for so long holds a snapshot up: what is down must come up again.
        const lock = starts(step) && holders === 0 ? await hold().catch(() => null) : null;
        try {
          return await executor.execute(step, options);
        } finally {
          lock?.release();
        }
      },
    },
  };
}

function starts({ op }: Step): boolean {
  return op === 'containers-start' || op === 'containers-unpause';
}

function releasedOnce(release: () => void): { release(): void } {
  let held = true;
  return {
    release() {
      if (held) release();
      held = false;
    },
  };
}
