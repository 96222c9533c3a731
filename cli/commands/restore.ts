import { type AtWork, atWork } from '../at-work.ts';
import { canAsk, typed } from '../confirm.ts';
import { UserError } from '../errors.ts';
import { locked } from '../locked.ts';
import { printCycle } from '../print-cycle.ts';
import { exchangeData } from '../restore/carry-out.ts';
import { planOf, type Wanted } from '../restore/plan.ts';
import type { Flags } from '../settings.ts';
import { note } from '../terminal.ts';

export interface RestoreFlags extends Flags {
  output: 'text' | 'json';
  archive?: string;
  /** Of data, inside the service's dataset: unlike that of all other commands. */
  path?: string;
  configPath?: string;
  undo?: boolean;
  yes?: boolean;
}

interface Context extends AtWork {
  flags: RestoreFlags & Wanted;
}

/** The data of a service becomes what an archive holds, or what it was before that. Exit 0: it is, and runs; 1: not. */
export async function restore(name: string, flags: RestoreFlags): Promise<number> {
  if (flags.undo === true && (flags.archive !== undefined || flags.path !== undefined))
    throw new UserError(
      '--undo goes back to what the last restore has kept; it takes no archive and no path',
    );
  const { path: _path, configPath, ...rest } = flags;
  const own = { ...rest, ...(configPath === undefined ? {} : { path: configPath }) };
  return await atWork(own, 'restore', (at) => run(name, { ...at, flags }));
}

async function run(name: string, context: Context): Promise<number> {
  const { wired, flags } = context;
  const first = await locked(context.request, () => context.look());
  if (first.plan === null) {
    printCycle(first, { output: flags.output, dry: true, nowMs: Date.now(), sourceRoots: wired.sourceRoots });
    return 1;
  }
  const { means, agreed } = await planOf(name, first, context);
  await allow(name, means, flags.yes === true);
  return await restoreNow(name, { ...context, flags: { ...flags, ...agreed } });
}

/** Looked at again, with nobody else at work. */
async function restoreNow(name: string, context: Context): Promise<number> {
  const { look, flags } = context;
  const plan = async () => {
    const cycle = await look();
    const { change, givesUp } = await planOf(name, cycle, context);
    return { change, commit: cycle.commit?.id ?? '', givesUp };
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
