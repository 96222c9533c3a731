import type { Clock } from '../../tools/clock.ts';
import type { StepProgress } from '../apply/types.ts';
import { clearProgress, writeProgress } from '../state/progress.ts';
import { StateError, type Store } from '../state/store.ts';
import type { Change, Step } from '../types.ts';
import { servicesOf } from './services-of.ts';

/** At most this often while one step goes on: each time the disk is waited for. */
const everyMs = 30_000;

/** What a change beside the cycles is at, in the state. */
export function progressRecorder(store: Store, clock: Clock) {
  let writtenMs = Number.NEGATIVE_INFINITY;
  const write = (change: Change, { op: step }: Step, counted: Omit<StepProgress, 'at'> | null) => {
    const { files = null, bytes = null, totalBytes = null } = counted ?? {};
    writtenMs = clock.monotonic();
    for (const service of servicesOf(change))
      writeProgress(store, { service, step, files, bytes, totalBytes });
  };
  return {
    begin: (change: Change, step: Step) => write(change, step, null),
    goesOn(change: Change, index: number, progress: StepProgress) {
      const step = change.steps[index];
      if (step === undefined || clock.monotonic() - writtenMs < everyMs) return;
      try {
        write(change, step, progress);
      } catch (error) {
        // What cannot be written now is not told; the step's own end finds out that the state cannot be used.
        if (!(error instanceof StateError)) throw error;
      }
    },
    end(change: Change) {
      for (const service of servicesOf(change)) clearProgress(store, service);
    },
  };
}
