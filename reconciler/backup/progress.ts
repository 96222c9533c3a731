import type { Clock } from '../../tools/clock.ts';
import type { StepProgress } from '../apply/types.ts';
import { partAt } from '../parts.ts';
import { clearProgress, writeProgress } from '../state/progress.ts';
import { StateError, type Store } from '../state/store.ts';
import type { Change } from '../types.ts';
import { servicesOf } from './services-of.ts';

/** At most this often while one step goes on: each time the disk is waited for. */
const everyMs = 30_000;

/** What a change beside the cycles is at, in the state. */
export function progressRecorder(store: Store, clock: Clock) {
  let writtenMs = Number.NEGATIVE_INFINITY;
  const write = (change: Change, index: number, counted: Omit<StepProgress, 'at'> | null) => {
    const step = change.steps[index]?.op;
    if (step === undefined) return;
    const { files = null, bytes = null, totalBytes = null } = counted ?? {};
    writtenMs = clock.monotonic();
    const at = partAt(change, index)?.service ?? null;
    for (const service of servicesOf(change)) {
      if (at === null || service === at) writeProgress(store, { service, step, files, bytes, totalBytes });
      else clearProgress(store, service);
    }
  };
  return {
    begin: (change: Change, index: number) => write(change, index, null),
    goesOn(change: Change, index: number, progress: StepProgress) {
      if (clock.monotonic() - writtenMs < everyMs) return;
      try {
        write(change, index, progress);
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
