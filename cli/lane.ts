import type { BackgroundDeps } from '../reconciler/background.ts';
import { backgroundGroups, runGroup } from '../reconciler/background.ts';
import { foreignProjects } from '../reconciler/backup/writers.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import type { Change, Outcome } from '../reconciler/types.ts';

/**
 * What a running loop does beside its cycles. Nothing waits in a queue here: what finds no room stays due, and is
 * planned anew by the cycle that follows when there is room again.
 */
export interface LaneDeps {
  background: BackgroundDeps;
  /** A group is over: there is room, and something to tell. */
  onDone(outcomes: Outcome[], commit: string): void;
  onError(error: unknown): void;
}

export class Lane {
  readonly #deps: LaneDeps;
  readonly #running = new Map<string, Promise<void>>();

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** Begins what the cycle found due, as far as there is room. */
  offer(cycle: Cycle): void {
    const { plan, commit, desired } = cycle;
    if (plan === null || commit === null || plan.held !== null) return;
    // A cycle has just changed what a backup was planned to stop: it waits for the next one, and is planned again.
    const touched = new Set(cycle.outcomes.map(({ change }) => change.service));
    const isTouched = (change: Change) =>
      [change.service, ...foreignProjects(change)].some((service) => touched.has(service));
    const groups = backgroundGroups(plan).filter((group) => !group.some(isTouched));
    for (const group of groups) {
      if (this.#running.size >= (desired?.backupsAtOnce ?? 1)) return;
      const key = group[0]?.background?.locks.join(' ') ?? '';
      if (this.#running.has(key)) continue;
      this.#running.set(key, this.#run(group, key, commit.id));
    }
  }

  /** Resolves when everything that is under way is over. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async #run(group: Change[], key: string, commit: string): Promise<void> {
    try {
      const outcomes = await runGroup(group, commit, this.#deps.background);
      this.#running.delete(key);
      this.#deps.onDone(outcomes, commit);
    } catch (error) {
      this.#running.delete(key);
      this.#deps.onError(error);
    }
  }
}
