import { setTimeout as delay } from 'node:timers/promises';

/** Time as it is handed in, so that tests and the simulator can have their own. */
export interface Clock {
  /** Milliseconds since the epoch. May jump, backwards too: never measure a duration with it. */
  now(): number;
  /** Milliseconds since some start; never goes backwards. */
  monotonic(): number;
  /** Ends early, without an error, when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    delay(ms, undefined, signal === undefined ? {} : { signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    }),
};
