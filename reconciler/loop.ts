import type { Clock } from '../tools/clock.ts';
import type { Cycle } from './cycle.ts';

/**
 * Cycle after cycle, never two at once. Whoever has a reason says "look"; looks that come while one is under way
 * become a single one after it. A failed cycle is followed by the next at the usual time: each service has its own
 * back-off, and what was not tried yet must not wait for what failed.
 */
export interface LoopDeps {
  cycle(signal: AbortSignal): Promise<Cycle>;
  clock: Clock;
  intervalMs: number;
  onCycle(cycle: Cycle): void;
  /** A cycle that threw: the state folder is not usable, or a bug. The loop goes on and tries again. */
  onError(error: unknown): void;
}

export class Loop {
  readonly #deps: LoopDeps;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #wanted = true;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
  }

  /** Ask for a cycle as soon as the present one is over. */
  look(): void {
    this.#wanted = true;
    this.#wake.abort();
  }

  /** Ends after the step that is under way; `run` resolves then. */
  stop(): void {
    this.#stop.abort();
    this.#wake.abort();
  }

  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wanted = false;
      await this.#once();
      if (!this.#wanted && !this.#stop.signal.aborted) await this.#sleep();
    }
  }

  async #once(): Promise<void> {
    try {
      this.#deps.onCycle(await this.#deps.cycle(this.#stop.signal));
    } catch (error) {
      this.#deps.onError(error);
    }
  }

  async #sleep(): Promise<void> {
    this.#wake = new AbortController();
    await this.#deps.clock.sleep(this.#deps.intervalMs, this.#wake.signal);
  }
}
