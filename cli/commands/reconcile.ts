import type { DesiredState } from '../../desired-state/types.ts';
import type { ApplyEvent } from '../../reconciler/apply-plan.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { runCycle } from '../../reconciler/cycle.ts';
import type { Plan } from '../../reconciler/types.ts';
import { UserError } from '../errors.ts';
import { keep, settleJournal } from '../keep.ts';
import { locked } from '../locked.ts';
import { printCycle, printPlan } from '../print-cycle.ts';
import { progressReporter } from '../render/progress.ts';
import { readSettings } from '../settings.ts';
import { isApplied } from '../status-of.ts';
import { note, noteWaiting } from '../terminal.ts';
import { type Wired, wire } from '../wire.ts';
import type { PlanFlags } from './plan.ts';

export interface ReconcileFlags extends PlanFlags {
  once?: boolean;
  wait: string;
}

/** With --once exit 0: converged, 1: not. The loop ends with 0 when it was told to stop. */
export async function reconcile(flags: ReconcileFlags): Promise<number> {
  const settings = readSettings(flags);
  const waitMs = secondsOf(flags.wait) * 1000;
  if (flags.once !== true) return (await import('./loop.ts')).loop(settings, waitMs);
  const stop = stopSignal();
  const wired = await wire(settings, stop);
  try {
    const request = { stateDir: settings.stateDir, command: 'reconcile --once', waitMs, onWait: noteWaiting };
    const cycle = await locked({ ...request, signal: stop }, () => once(wired, flags));
    return isApplied(cycle) && cycle.fetchError === null ? 0 : 1;
  } finally {
    wired.close();
  }
}

async function once(wired: Wired, flags: ReconcileFlags): Promise<Cycle> {
  settleJournal(wired);
  const isText = flags.output === 'text';
  const { sourceRoots } = wired;
  const print = { output: flags.output, verbose: flags.verbose === true, nowMs: Date.now(), sourceRoots };
  const isLive = process.stderr.isTTY;
  const reporter = progressReporter(process.stderr);
  const deps = {
    ...wired.deps,
    onPlan: (plan: Plan, desired: DesiredState) => {
      if (!isText) return;
      printPlan(plan, { desired }, print);
      if (isLive && plan.held === null) reporter.begin(plan.changes, desired.storage?.mountpoint);
    },
    progress: (event: ApplyEvent) => {
      if (isText && isLive) reporter.event(event);
    },
  };
  try {
    const cycle = await runCycle(deps, { dry: false });
    reporter.done();
    keep(wired, cycle);
    // A file that standard output goes to gets the whole of it all the same.
    printCycle(cycle, { ...print, dry: false, isTold: isLive && process.stdout.isTTY });
    return cycle;
  } finally {
    reporter.done();
  }
}

/** The first SIGINT or SIGTERM lets the step under way end; the second ends the process. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      note(`steward: ${name}, ending after the step under way`);
      controller.abort();
    });
  }
  return controller.signal;
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < 0) throw new UserError(`--wait ${text}: expected seconds`);
  return seconds;
}
