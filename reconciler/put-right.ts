import { type Executor, StepError, type StepFacts } from './apply/types.ts';
import { notesOf } from './notes.ts';
import type { Said } from './part-types.ts';
import type { Step } from './types.ts';

/**
 * What a change has left open, done by itself or by whoever finds it dead. One that cannot be done does not keep the
 * others: what Docker refuses must not leave a snapshot behind. But for a rescue, which comes first: nothing goes on
 * before that is back.
 */
export interface OpenStep {
  /** See positions.ts. */
  position: number;
  step: Step;
  /** When what makes it necessary began, in milliseconds since the epoch. */
  sinceMs: number;
}

export interface PutRightLog {
  /** They are done with: all of them leave the journal, or none. */
  settle(positions: number[]): void;
  /** It stays, and is tried again at the next look. */
  fail(position: number, error: string): void;
}

export interface PutRight {
  done: Step['op'][];
  failed: { position: number; error: Error }[];
  /** What is to be known of what was done, and what was given up. */
  notes: Said[];
}

/** In this order. Throws what the log throws. */
export async function putRight(
  open: readonly OpenStep[],
  executor: Executor,
  log: PutRightLog,
): Promise<PutRight> {
  const result: PutRight = { done: [], failed: [], notes: [] };
  const held: number[] = [];
  const tell = (at: number, texts: string[]) => result.notes.push(...texts.map((text) => ({ at, text })));
  for (const { position, step, sinceMs } of open) {
    const isHook = step.op === 'container-exec';
    // It needs what could not be started, and has one try.
    if (isHook && result.failed.length > 0) continue;
    const { facts, error } = await attempt(step, sinceMs, executor);
    if (error === null) {
      result.done.push(step.op);
      // Done, and not all is well with it: nothing that doing it again would mend.
      tell(position, [...notesOf(step, facts), ...(facts.failed === undefined ? [] : [facts.failed])]);
      held.push(position);
      // A stop is settled with what it is for: after a power cut Docker may have started the containers again.
      if (step.op !== 'containers-stop') log.settle(held.splice(0));
    } else if (isHook && !isRetryable(error)) {
      tell(position, [`${error.message}; that is not tried again`]);
      log.settle([position]);
    } else {
      result.failed.push({ position, error });
      log.fail(position, error.message);
      if (position < 0) break;
    }
  }
  return result;
}

/** A hook is somebody else's program: when it has been run and failed, it would fail for ever. */
function isRetryable(error: Error): boolean {
  return !(error instanceof StepError) || error.retryable;
}

async function attempt(
  step: Step,
  sinceMs: number,
  executor: Executor,
): Promise<{ facts: StepFacts; error: Error | null }> {
  try {
    return { facts: (await executor.execute(step, { sinceMs })) ?? {}, error: null };
  } catch (error) {
    return { facts: {}, error: asError(error) };
  }
}

/** The end of a simulated process is none that could be put right. */
export function asError(error: unknown): Error {
  if (!(error instanceof Error) || error.name === 'SimulatedCrash') throw error;
  return error;
}
