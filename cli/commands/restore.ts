import type { DesiredBackup, DesiredStack } from '../../desired-state/types.ts';
import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import { gateKeeper } from '../../reconciler/gate.ts';
import { gateOf } from '../../reconciler/kinds/compose-stack.ts';
import { type RestorePlan, restoreChange, undoRestoreChange } from '../../reconciler/restore/change.ts';
import { runRestore } from '../../reconciler/restore/run.ts';
import { type SafetySnapshots, undoProblem } from '../../reconciler/restore/safety.ts';
import type { Lock } from '../../reconciler/state/lock.ts';
import type { Change } from '../../reconciler/types.ts';
import { backgroundDeps } from '../background.ts';
import { canAsk, typed } from '../confirm.ts';
import { nearest, UserError } from '../errors.ts';
import { settleJournal } from '../keep.ts';
import { acquire, type LockRequest, locked } from '../locked.ts';
import { printCycle } from '../print-cycle.ts';
import { backupEvents } from '../render/backup-events.ts';
import { relative } from '../render/time.ts';
import { type Kept, keptBy } from '../restore/kept.ts';
import { archiveToRestore, pathsToRestore, whatHinders } from '../restore/target.ts';
import { type Flags, readSettings, type Settings } from '../settings.ts';
import { note, noteWaiting } from '../terminal.ts';
import { type Wired, wire } from '../wire.ts';
import { stopSignal } from './reconcile.ts';

export interface RestoreFlags extends Flags {
  output: 'text' | 'json';
  archive?: string;
  /** Of data, inside the service's dataset: unlike that of all other commands. */
  path?: string;
  configPath?: string;
  undo?: boolean;
  yes?: boolean;
}

interface Context {
  wired: Wired;
  settings: Settings;
  request: LockRequest;
  flags: RestoreFlags;
}

/** The data of a service becomes what an archive holds, or what it was before that. Exit 0: it is, and runs; 1: not. */
export async function restore(name: string, flags: RestoreFlags): Promise<number> {
  if (flags.undo === true && (flags.archive !== undefined || flags.path !== undefined))
    throw new UserError(
      '--undo goes back to what the last restore has kept; it takes no archive and no path',
    );
  const { path: _path, configPath, ...rest } = flags;
  const settings = readSettings({ ...rest, ...(configPath === undefined ? {} : { path: configPath }) });
  const signal = stopSignal();
  const wired = await wire(settings, signal);
  const { stateDir } = settings;
  const request = { stateDir, command: 'restore', waitMs: 30_000, onWait: noteWaiting, signal };
  try {
    await locked(request, () => settleJournal(wired, stateDir));
    return await run(name, { wired, settings, request, flags });
  } finally {
    wired.close();
  }
}

async function run(name: string, context: Context): Promise<number> {
  const { wired, flags } = context;
  const first = await look(context);
  if (first.plan === null) {
    printCycle(first, { output: flags.output, dry: true, nowMs: Date.now(), sourceRoots: wired.sourceRoots });
    return 1;
  }
  const planned = await planOf(name, first, context);
  await allow(name, planned.means, flags.yes === true);
  return await betweenLooks(name, context);
}

function look({ wired, request }: Context): Promise<Cycle> {
  return locked(request, () => runCycle(wired.deps, { dry: true }));
}

/**
 * Looked at again, and no cycle from here on until the containers are down: one that was replaced meanwhile would not
 * be among those that are stopped, and go on writing.
 */
async function betweenLooks(name: string, context: Context): Promise<number> {
  const { wired, request } = context;
  const lock = releasedOnce(await acquire(request));
  try {
    const cycle = await runCycle(wired.deps, { dry: true });
    const { change } = await planOf(name, cycle, context);
    return await carryOut(change, cycle.commit?.id ?? '', context, lock);
  } finally {
    lock.release();
  }
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

/** The change, and in a sentence what it means for the person. */
async function planOf(
  name: string,
  cycle: Cycle,
  context: Context,
): Promise<{ change: Change; means: string }> {
  const { wired, settings, flags } = context;
  const desired = backupOf(name, cycle);
  const hindered = whatHinders(desired, wired.store);
  if (hindered !== null) throw new UserError(`${hindered}; nothing was done`);
  const kept = await keptBy(desired, settings);
  const observed = await wired.deps.observer.observeContainers();
  if (!observed.known) throw new UserError(`${observed.error}; nothing was done`);
  const containers = observed.value.filter(({ project }) => project === desired.project);
  const parts = { desired, containers, gate: gateFor(desired, cycle), atMs: wired.deps.clock.now() };
  return flags.undo === true ? undoOf(parts, kept) : restoreOf(parts, kept, context);
}

type Parts = Pick<RestorePlan, 'desired' | 'containers' | 'gate' | 'atMs'>;

function restoreOf(parts: Parts, { snapshots }: Kept, { wired, flags }: Context) {
  const archive = archiveToRestore(parts.desired, flags.archive, wired.store);
  const paths = pathsToRestore(parts.desired, flags.path);
  const change = restoreChange({ ...parts, archive: archive.name, paths, older: snapshots });
  const what = paths.length === 0 ? 'All data' : paths.join(', ');
  const means = `${what} of ${parts.desired.service} becomes what it was ${relative(archive.atMs, Date.now())} (${archive.name}). What is there now is kept for --undo.${leftOut(parts.desired)}`;
  return { change, means };
}

/** They are emptied with everything else, and are not in the archive. */
function leftOut({ excludes }: DesiredBackup): string {
  return excludes.length === 0 ? '' : ` What backups leave out (${excludes.join(', ')}) is gone then.`;
}

function undoOf(parts: Parts, { found, snapshots }: Kept) {
  const [target] = snapshots;
  const change = undoRestoreChange({ ...parts, kept: snapshots });
  if (target === undefined || change === null)
    throw new UserError(`no restore of ${parts.desired.service} has kept anything to go back to`);
  const problem = undoProblem(found, target);
  if (problem !== null) {
    const instead = `steward snapshot rollback ${parts.desired.service} ${target.tag}`;
    throw new UserError(`${problem}; nothing was done. ${instead} copies the files back instead`);
  }
  return { change, means: undoMeans(parts.desired, target) };
}

function undoMeans({ service }: DesiredBackup, { createdMs }: SafetySnapshots): string {
  return `${service} goes back to what it was before the restore ${relative(createdMs, Date.now())}. What was written since is lost.`;
}

function backupOf(name: string, { desired }: Cycle): DesiredBackup {
  const backups = (desired?.resources ?? []).filter((each): each is DesiredBackup => each.kind === 'backup');
  const found = backups.find(({ service }) => service === name);
  if (found !== undefined) return found;
  const known = backups.map(({ service }) => service);
  throw new UserError(`there is no backup of ${name}${nearest(name, known)}`);
}

function gateFor({ project }: DesiredBackup, { desired }: Cycle) {
  const isStack = (each: { kind: string; name: string }): each is DesiredStack =>
    each.kind === 'compose-stack' && each.name === project;
  const stack = (desired?.resources ?? []).find(isStack);
  return stack === undefined ? null : gateOf(stack);
}

async function allow(service: string, means: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!canAsk()) throw new UserError('without a terminal, --yes says that it may; nothing was done');
  note(means);
  if (!(await typed(service, `Type ${service} to go on: `))) throw new UserError('nothing was done');
}

async function carryOut(change: Change, commit: string, context: Context, lock: Lock): Promise<number> {
  const { wired, settings, request, flags } = context;
  const events = backupEvents(flags.output, process.stderr);
  const { observer, clock, signal } = wired.deps;
  const gate = gateKeeper(() => observer.observeContainers(signal), clock);
  const holdCycles = async () => lock;
  const usual = backgroundDeps(wired, settings, request.command);
  const deps = { ...usual, holdCycles, progress: events.event, gate };
  events.begin([change]);
  const outcome = await runRestore(change, commit, deps);
  events.end([outcome]);
  return outcome.result === 'applied' ? 0 : 1;
}
