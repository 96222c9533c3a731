import type { Cycle } from '../reconciler/cycle.ts';
import type { RouteStatus } from './render/types.ts';
import { probeRoutes } from './route-status.ts';
import type { Wired } from './wire.ts';

export interface ProberDeps {
  wired: Wired;
  signal: AbortSignal;
  /** Not more often than this, however many cycles there are. */
  intervalMs: number;
  /** With the routes that have begun or ceased to answer. */
  onDone(turned: RouteStatus[]): void;
  onError(error: unknown): void;
}

/** Asks for all routes beside the cycles of a running loop: a hub that keeps everybody waiting holds nothing up. */
export class Prober {
  readonly #deps: ProberDeps;
  #running: Promise<void> | null = null;
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  offer({ desired }: Pick<Cycle, 'desired'>): void {
    const { wired, signal, intervalMs } = this.#deps;
    const nowMs = wired.deps.clock.monotonic();
    // Cycles come a little early or late: a tenth less is still every one of them.
    const isEarly = nowMs - this.#beganMs < 0.9 * intervalMs;
    if (desired === null || this.#running !== null || isEarly) return;
    this.#beganMs = nowMs;
    this.#running = probeRoutes(wired, desired, signal)
      .then(this.#deps.onDone)
      .catch(this.#deps.onError)
      .finally(() => {
        this.#running = null;
      });
  }

  async idle(): Promise<void> {
    await this.#running;
  }
}
