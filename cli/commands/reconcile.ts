import type { DesiredState } from '../../desired-state/types.ts';
import type { ApplyEvent } from '../../reconciler/apply-plan.ts';
import { isIncomplete } from '../../reconciler/backup/change.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { runCycle } from '../../reconciler/cycle.ts';
import { degraded } from '../../reconciler/plan.ts';
import type { Outcome, Plan } from '../../reconciler/types.ts';
import { backgroundDeps, isNothingDue, runDue, waitForCycleMs } from '../background.ts';
import { UserError } from '../errors.ts';
import { keep, settleJournal } from '../keep.ts';
import { inForce, isStopped, sayInForce } from '../last-good.ts';
import { type LockRequest, locked } from '../locked.ts';
import { printCycle, printPlan } from '../print-cycle.ts';
import { progressReporter } from '../render/progress.ts';
import { probeRoutes } from '../route-status.ts';
import { readSettings, type Settings } from '../settings.ts';
import { isApplied } from '../status-of.ts';
import { onStopSignals } from '../stop-signals.ts';
import { note, noteWaiting } from '../terminal.ts';
import { type Wired, wire } from '../wire.ts';
import type { PlanFlags } from './plan.ts';

export interface ReconcileFlags extends PlanFlags {
  once?: boolean;
  wait: string;
}

/**
 * With --once exit 0: converged, 1: not, or something is degraded, since under cron that is the alarm. The loop ends with 0
 * when it was told to stop.
 */
export async function reconcile(flags: ReconcileFlags): Promise<number> {
  const settings = readSettings(flags);
  const waitMs = secondsOf(flags.wait) * 1000;
  if (flags.once !== true) return (await import('./loop.ts')).loop(settings, waitMs);
  const stop = stopSignal();
  const wired = await wire(settings, stop);
  try {
    const request = { stateDir: settings.stateDir, command: 'reconcile --once', waitMs, onWait: noteWaiting };
    const cycle = await once(wired, flags, settings, { ...request, signal: stop });
    return isWell(cycle) ? 0 : 1;
  } finally {
    wired.close();
  }
}

async function once(
  wired: Wired,
  flags: ReconcileFlags,
  settings: Settings,
  request: LockRequest,
): Promise<Cycle> {
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
    const { applied, seen } = await locked(request, async () => {
      await settleJournal(wired, settings.stateDir);
      const cycle = await runCycle(deps, { dry: false });
      return { applied: cycle, seen: await inForce(wired, cycle) };
    });
    if (seen !== applied && !isNothingDue(seen)) sayInForce('backups go', applied, seen, wired.store);
    // Others may be in the middle of a snapshot meanwhile.
    const patient = { ...request, waitMs: waitForCycleMs };
    const replan = () =>
      locked(patient, async () => inForce(wired, await runCycle(wired.deps, { dry: true })));
    const beside = { ...backgroundDeps(wired, settings, request.command), progress: deps.progress };
    const done = await runDue(seen, replan, beside);
    const cycle = withOutcomes(applied, done);
    reporter.done();
    const shown = seen === applied ? cycle : withOutcomes(seen, done);
    keep(wired, cycle, shown);
    // A file that standard output goes to gets the whole of it all the same.
    printCycle(cycle, { ...print, dry: false, isTold: isLive && process.stdout.isTTY });
    await askRoutes(wired, shown, request.signal);
    return cycle;
  } finally {
    reporter.done();
  }
}

/** As the daemon does beside its cycles: who runs this by a timer has no other that asks. */
async function askRoutes(
  wired: Wired,
  { desired }: Cycle,
  signal = new AbortController().signal,
): Promise<void> {
  if (desired === null) return;
  for (const { url, error, unproven } of await probeRoutes(wired, desired, signal))
    if (unproven === undefined) note(error === null ? `${url} answers again` : `${url}: ${error}`);
}

function isWell(cycle: Cycle): boolean {
  const ill = cycle.plan === null ? [] : degraded(cycle.plan);
  const isWhole = cycle.outcomes.every(({ change }) => !isIncomplete(change));
  return isApplied(cycle) && cycle.fetchError === null && ill.length === 0 && isWhole;
}

/** A cycle together with what was carried out beside it. */
function withOutcomes(cycle: Cycle, beside: Outcome[]): Cycle {
  if (beside.length === 0) return cycle;
  const failed = beside.some(({ result }) => result !== 'applied');
  const did = cycle.result === 'converged' ? 'changed' : cycle.result;
  const result = failed && !isStopped(cycle) ? 'failed' : did;
  return { ...cycle, outcomes: [...cycle.outcomes, ...beside], result };
}

/** Fires at the first signal that asks to stop: see `onStopSignals`. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  onStopSignals((name) => {
    note(`steward: ${name}, ending after the step under way`);
    controller.abort();
  });
  return controller.signal;
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!Number.isFinite(seconds) || seconds < 0) throw new UserError(`--wait ${text}: expected seconds`);
  return seconds;
}
