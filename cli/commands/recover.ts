import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DesiredBackup } from '../../desired-state/types.ts';
import { foreground } from '../../reconciler/background.ts';
import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import { recoverService } from '../../reconciler/recover/run.ts';
import { giveUpWayBack, withoutWayBack } from '../../reconciler/restore/no-way-back.ts';
import { isOpen, type Recovery, readRecoveries } from '../../reconciler/state/recovery.ts';
import { readUndo } from '../../reconciler/state/undo.ts';
import type { Plan } from '../../reconciler/types.ts';
import { type AtWork, atWork } from '../at-work.ts';
import { backgroundDeps } from '../background.ts';
import { UserError } from '../errors.ts';
import { keep } from '../keep.ts';
import { locked } from '../locked.ts';
import { printCycle } from '../print-cycle.ts';
import { candidatesFor } from '../recover/archives.ts';
import { type Decisions, decide } from '../recover/decide.ts';
import { isRecovered, type RecoveryReport, renderReport } from '../recover/report.ts';
import { backupsOf, beginRecoveries, type Chosen, choose, leaveWhatHolds } from '../recover/services.ts';
import { backupEvents } from '../render/backup-events.ts';
import { progressReporter } from '../render/progress.ts';
import { lookOf } from '../render/text.ts';
import { numbersNow } from '../restore/owners.ts';
import type { Flags } from '../settings.ts';
import { isApplied } from '../status-of.ts';
import { printJsonLine } from '../terminal.ts';
import type { Wired } from '../wire.ts';

export interface RecoverFlags extends Flags, Decisions {
  output: 'text' | 'json';
  keys?: string;
}

interface Context extends AtWork {
  flags: RecoverFlags;
}

/** A bare server becomes what Git and the backups say. Exit 0: all of it is back; 1: not yet, run it again. */
export async function recover(flags: RecoverFlags): Promise<number> {
  requireSense(flags);
  return atWork(flags, 'recover', (at) => run({ ...at, flags }));
}

/** What would be passed over in silence, or be found wrong only once a repository has lost its key. */
function requireSense({ confirm, keepWhatIsThere, keys }: RecoverFlags): void {
  if (confirm !== undefined && keepWhatIsThere === undefined)
    throw new UserError(`--confirm ${confirm} is only for --keep-what-is-there SERVICE`);
  if (keys !== undefined && !existsSync(keys)) throw new UserError(`--keys ${keys}: there is no such folder`);
}

async function run(context: Context): Promise<number> {
  const { wired, settings, request, flags } = context;
  const { store, deps } = wired;
  const first = await locked(request, () => runCycle(deps, { dry: true }));
  if (first.plan === null) return refused(first, context);
  const backups = backupsOf(first);
  // Before a person decides the last of it: that is told as a part of this recovery.
  const goesOn = readRecoveries(store).some(isOpen);
  await decide(flags, backups, backgroundDeps(wired, settings, request.command));
  const suspended = first.desired?.suspended ?? [];
  const seen = await deps.observer.observeContainers(request.signal);
  // Where Docker is not there, none runs.
  const containers = seen.known ? seen.value : [];
  const before = { suspended, known: readRecoveries(store), goesOn, containers };
  const chosen = await choose(backups, before, deps.executor);
  beginRecoveries(chosen.begun, store, deps.clock.now());
  let cycle = await apply(context);
  for (const backup of backups) {
    if (request.signal?.aborted === true) break;
    // Each is started right after its data is there: the first are back long before the last.
    const isLeft = await leaveWhatHolds(backup, chosen, { store, executor: deps.executor });
    if (isLeft || (await recoverOne(backup, cycle, context))) cycle = await apply(context);
  }
  return tell(reported(cycle, chosen, context), context);
}

/** Everything but the services whose data is not there yet. */
async function apply({ wired, request, flags }: Context): Promise<Cycle> {
  const reporter = progressReporter(process.stderr);
  const isText = flags.output === 'text';
  const deps = {
    ...wired.deps,
    onPlan: (plan: Plan) => isText && reporter.begin(foreground(plan).changes, undefined),
    ...(isText ? { progress: reporter.event } : {}),
  };
  try {
    const cycle = await locked(request, () => runCycle(deps, { dry: false }));
    keep(wired, cycle);
    return cycle;
  } finally {
    reporter.done();
  }
}

/** Whether its data is there now, and was not before. */
async function recoverOne(desired: DesiredBackup, cycle: Cycle, context: Context): Promise<boolean> {
  const { wired, settings, request, flags } = context;
  const known = recoveryOf(desired, wired);
  if (known === undefined || !isOpen(known)) return false;
  const events = backupEvents(flags.output, process.stderr);
  const deps = { ...backgroundDeps(wired, settings, request.command), progress: events.event };
  const numbersHere = async () =>
    numbersNow(await wired.deps.observer.observe({ paths: [] }), cycle, desired);
  const { stateDir } = settings;
  const keys = flags.keys === undefined ? null : { folder: path.resolve(flags.keys), stateDir };
  const candidates = await candidatesFor(desired, known, keys, deps);
  const now = recoveryOf(desired, wired) ?? known;
  const outcome = await recoverService(desired, now, candidates, cycle.commit?.id ?? '', {
    ...deps,
    numbersHere,
  });
  events.end(outcome === null ? [] : [outcome]);
  if (outcome?.result !== 'applied') return false;
  // Of a restore on datasets that are gone nothing can come back, nor has to.
  giveUpWayBack(wired.store, withoutWayBack(readUndo(wired.store), desired.service, new Set()));
  return true;
}

function recoveryOf({ service }: DesiredBackup, { store }: Wired): Recovery | undefined {
  return readRecoveries(store).find((each) => each.service === service);
}

/** Without what earlier recoveries have brought back, but for one that goes on here. */
function reported(cycle: Cycle, { alone }: Chosen, { wired }: Context): RecoveryReport {
  const commit = cycle.commit?.id.slice(0, 7) ?? '';
  const recoveries = readRecoveries(wired.store).filter(({ service }) => !alone.has(service));
  return { recoveries, alone, commit, converged: isApplied(cycle) };
}

function tell(report: RecoveryReport, { flags }: Context): number {
  if (flags.output === 'json')
    printJsonLine({ event: 'report', ...report, alone: Object.fromEntries(report.alone) });
  else process.stdout.write(renderReport(report, lookOf(process.stdout), Date.now()));
  return isRecovered(report) ? 0 : 1;
}

function refused(cycle: Cycle, { flags, wired }: Context): number {
  const { sourceRoots } = wired;
  printCycle(cycle, { output: flags.output, dry: true, nowMs: Date.now(), sourceRoots });
  return 1;
}
