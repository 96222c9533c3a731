import type { BackgroundDeps } from '../reconciler/background.ts';
import { backgroundGroups, runGroup } from '../reconciler/background.ts';
import { foreignProjects } from '../reconciler/backup/writers.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import { readRunning } from '../reconciler/state/backups.ts';
import { keyOf, nextTurns, type Slot, slotOf } from '../reconciler/turns.ts';
import type { Change, Outcome } from '../reconciler/types.ts';

/**
 * What is done beside the cycles. Nothing waits in a queue here: what finds no room stays due, and is planned anew by
 * the cycle that follows when there is room again.
 */
export interface LaneDeps {
  background: BackgroundDeps;
  /** Backups of other processes take up room too: for whoever looks again later, at what has found none. */
  sharesRoom?: boolean;
  /** A group is over: there is room, and something to tell. */
  onDone(outcomes: Outcome[], commit: string): void;
  onError(error: unknown): void;
}

interface Offer {
  groups: Change[][];
  atOnce: number;
  commit: string;
}

export class Lane {
  readonly #deps: LaneDeps;
  readonly #running = new Map<string, { slot: Slot; over: Promise<void> }>();
  readonly #begunAt = new Map<string, number>();
  #offer: Offer = { groups: [], atOnce: 0, commit: '' };
  #begun = 0;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** Begins what the cycle found due, as far as there is room; `isWanted`: and as far as that goes. */
  offer(cycle: Cycle, isWanted: (change: Change) => boolean = () => true): void {
    const { plan, commit, desired } = cycle;
    if (plan === null || commit === null || plan.held !== null) return;
    // A cycle has just changed what a backup was planned to stop: it waits for the next one, and is planned again.
    const touched = new Set(cycle.outcomes.map(({ change }) => change.service));
    const isTouched = (change: Change) =>
      [change.service, ...foreignProjects(change)].some((service) => touched.has(service));
    const groups = backgroundGroups(plan).filter(
      (group) => !group.some(isTouched) && group.every((change) => isWanted(change)),
    );
    this.#offer = { groups, atOnce: desired?.backupsAtOnce ?? 1, commit: commit.id };
    this.#begin();
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when one of those under way is over; at once where there is none. */
  async oneOver(): Promise<void> {
    if (!this.isIdle) await Promise.race([...this.#running.values()].map(({ over }) => over));
  }

  /** Resolves when everything that is under way is over. */
  async idle(): Promise<void> {
    while (!this.isIdle) await Promise.all([...this.#running.values()].map(({ over }) => over));
  }

  #begin(): void {
    const { groups, atOnce } = this.#offer;
    const turns = nextTurns(groups, this.#running, atOnce - this.#elsewhere(), this.#begunAt);
    this.#offer = { ...this.#offer, groups: groups.filter((group) => !turns.includes(group)) };
    for (const group of turns) {
      const key = keyOf(group);
      this.#begun += 1;
      this.#begunAt.set(key, this.#begun);
      this.#running.set(key, { slot: slotOf(group), over: this.#run(group, key, this.#offer.commit) });
    }
  }

  /** Backups that other processes are at, such as one that a person has asked for. */
  #elsewhere(): number {
    if (this.#deps.sharesRoom !== true) return 0;
    const own = new Set([...this.#running.keys()].flatMap((key) => key.split(' ')));
    const locks = readRunning(this.#deps.background.store).map(({ runningLock }) => runningLock ?? '');
    return new Set(locks.filter((lock) => !own.has(lock))).size;
  }

  async #run(group: Change[], key: string, commit: string): Promise<void> {
    try {
      const outcomes = await runGroup(group, commit, this.#deps.background);
      this.#over(
        key,
        outcomes.every(({ result }) => result === 'skipped'),
      );
      this.#deps.onDone(outcomes, commit);
    } catch (error) {
      this.#over(key, false);
      this.#deps.onError(error);
    }
  }

  /**
   * Where nothing was begun, since somebody else is at that repository, the plan still holds, and the next one gets the
   * room. Else it is no longer of today.
   */
  #over(key: string, isSkipped: boolean): void {
    this.#running.delete(key);
    if (isSkipped) this.#begin();
    else this.#offer = { ...this.#offer, groups: [] };
  }
}
