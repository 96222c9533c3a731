import { runCycle } from '../../reconciler/cycle.ts';
import { converged } from '../../reconciler/plan.ts';
import { readDeclared } from '../../reconciler/state/declared.ts';
import { locked } from '../locked.ts';
import { printCycle } from '../print-cycle.ts';
import { isHeld, readBackupStatus } from '../read-backup-status.ts';
import { type Flags, readSettings } from '../settings.ts';
import { noteWaiting } from '../terminal.ts';
import { wire } from '../wire.ts';

export interface PlanFlags extends Flags {
  output: 'text' | 'json';
  verbose?: boolean;
}

/** Exit 0: nothing to do. 2: there is. 1: the repository is not valid, or nothing could be known. */
export async function plan(flags: PlanFlags): Promise<number> {
  const settings = readSettings(flags);
  const wired = await wire(settings);
  try {
    const request = { stateDir: settings.stateDir, command: 'plan', waitMs: 30_000, onWait: noteWaiting };
    const deps = { ...wired.deps, isHeld: (lockName: string) => isHeld(wired.store, lockName) };
    const cycle = await locked(request, () => runCycle(deps, { dry: true }));
    const { output, verbose } = flags;
    const { sourceRoots } = wired;
    const nowMs = Date.now();
    // Of what is held nothing counts yet.
    const [desired, hindrances] =
      cycle.result === 'held' ? [readDeclared(wired.store), null] : [cycle.desired, cycle.plan];
    const backups = readBackupStatus(wired.store, desired, hindrances, nowMs);
    printCycle(cycle, { output, verbose: verbose === true, dry: true, nowMs, sourceRoots, backups });
    if (cycle.plan === null) return 1;
    return converged(cycle.plan) ? 0 : 2;
  } finally {
    wired.close();
  }
}
