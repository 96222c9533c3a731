/**
 * Cycle after cycle, never two at once. Whoever has a reason (a timer, a push, a person) says "look"; looks that come
 * while one is under way become a single one after it. A cycle that fails is not repeated at once: each service has
 * its own back-off, and what was not tried yet must not wait for what failed.
 */
export interface LoopDeps<Found> {
  cycle(signal: AbortSignal): Promise<Found>;
  onCycle(found: Found): void;
  /** A cycle that threw: the state folder is not usable, or a bug. The loop goes on and tries again. */
  onError(error: unknown): void;
}

export class Loop<Found = unknown> {
  readonly #deps: LoopDeps<Found>;
  readonly #stop = new AbortController();
  #wanted = true;
  #wake: (() => void) | null = null;

  constructor(deps: LoopDeps<Found>) {
    this.#deps = deps;
  }

  /** Fires when the loop was told to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Ask for a cycle as soon as the present one is over. */
  look(): void {
    this.#wanted = true;
    this.#wake?.();
  }

  /** Ends after the step that is under way; `run` resolves then. */
  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /** The first cycle begins at once. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.#wanted) await this.#once();
      else await this.#sleep();
    }
  }

  async #once(): Promise<void> {
    this.#wanted = false;
    try {
      this.#deps.onCycle(await this.#deps.cycle(this.#stop.signal));
    } catch (error) {
      this.#deps.onError(error);
    }
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
