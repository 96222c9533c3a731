import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import { canAsk, typed } from '../confirm.ts';
import { UserError } from '../errors.ts';
import { settleJournal } from '../keep.ts';
import { type LockRequest, locked } from '../locked.ts';
import { printCycle } from '../print-cycle.ts';
import { exchangeData } from '../restore/carry-out.ts';
import { planOf } from '../restore/plan.ts';
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
  return await restoreNow(name, context);
}

function look({ wired, request }: Context): Promise<Cycle> {
  return locked(request, () => runCycle(wired.deps, { dry: true }));
}

/** Looked at again, with nobody else at work. */
async function restoreNow(name: string, context: Context): Promise<number> {
  const { wired, flags } = context;
  const plan = async () => {
    const cycle = await runCycle(wired.deps, { dry: true });
    const { change } = await planOf(name, cycle, context);
    return { change, commit: cycle.commit?.id ?? '' };
  };
  const { result } = await exchangeData(plan, { ...context, output: flags.output });
  return result === 'applied' ? 0 : 1;
}

async function allow(service: string, means: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!canAsk()) throw new UserError('without a terminal, --yes says that it may; nothing was done');
  note(means);
  if (!(await typed(service, `Type ${service} to go on: `))) throw new UserError('nothing was done');
}
