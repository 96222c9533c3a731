import type { Step } from '../types.ts';

/** A step did not succeed. `message` is one sentence for people: what failed and what the tool said. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly retryable: boolean;
  constructor(message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? true;
  }
}

/**
 * The writing half of a host: real tools, or the simulator. Each step is idempotent: running it again after a
 * crash in its middle leads to the same end. Throws StepError.
 */
export interface Executor {
  execute(step: Step, options: { signal?: AbortSignal }): Promise<void>;
}
