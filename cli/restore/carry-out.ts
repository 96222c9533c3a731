import { gateKeeper } from '../../reconciler/gate.ts';
import { giveUpWayBack } from '../../reconciler/restore/no-way-back.ts';
import { runRestore } from '../../reconciler/restore/run.ts';
import type { Lock } from '../../reconciler/state/lock.ts';
import type { Undo } from '../../reconciler/state/undo.ts';
import type { Change, Outcome } from '../../reconciler/types.ts';
import type { AtWork } from '../at-work.ts';
import { backgroundDeps } from '../background.ts';
import { settleJournal } from '../keep.ts';
import { acquire, locked } from '../locked.ts';
import { backupEvents } from '../render/backup-events.ts';

export interface CarryOut extends AtWork {
  output: 'text' | 'json';
}

/**
 * Plans and carries out what exchanges the data of a service. No cycle from the last look on until the containers are
 * down: one that was replaced meanwhile would not be among those that are stopped, and go on writing.
 */
export async function exchangeData(
  plan: () => Promise<{ change: Change; commit: string; givesUp?: Undo[] | undefined }>,
  context: CarryOut,
): Promise<Outcome> {
  const lock = releasedOnce(await acquire(context.request));
  try {
    const { change, commit, givesUp = [] } = await plan();
    const outcome = await carryOut(change, commit, context, lock);
    if (outcome.result === 'applied' && givesUp.length > 0) await startAgain(givesUp, context);
    return outcome;
  } finally {
    lock.release();
  }
}

/** What an earlier restore has kept down, now that the data is whole. */
async function startAgain(givesUp: Undo[], { wired, settings, request }: CarryOut): Promise<void> {
  giveUpWayBack(wired.store, givesUp);
  await locked(request, () => settleJournal(wired, settings.stateDir));
}

function releasedOnce(lock: Lock): Lock {
  let held = true;
  return {
    release() {
      if (held) lock.release();
      held = false;
    },
  };
}

/** Held already when it begins; once it was given back, it is waited for. */
function firstHeld(lock: Lock, again: () => Promise<Lock>): () => Promise<Lock> {
  let first: Lock | null = lock;
  return async () => {
    const held = first ?? (await again());
    first = null;
    return held;
  };
}

async function carryOut(
  change: Change,
  commit: string,
  { wired, settings, request, output }: CarryOut,
  lock: Lock,
): Promise<Outcome> {
  const events = backupEvents(output, process.stderr);
  const { observer, clock, signal } = wired.deps;
  const gate = gateKeeper(() => observer.observeContainers(signal), clock);
  const usual = backgroundDeps(wired, settings, request.command);
  const deps = { ...usual, holdCycles: firstHeld(lock, usual.holdCycles), progress: events.event, gate };
  const outcome = await runRestore(change, commit, deps);
  events.end([outcome]);
  return outcome;
}
