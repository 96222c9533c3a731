import PQueue from 'p-queue';
import type { DesiredBackup } from '../desired-state/types.ts';
import { backgroundGroups, runGroup } from '../reconciler/background.ts';
import { isCurrent } from '../reconciler/backup/current.ts';
import { togetherId } from '../reconciler/backup/names.ts';
import { type Cycle, runCycle } from '../reconciler/cycle.ts';
import type { Change, Notice, Outcome } from '../reconciler/types.ts';
import type { AskedFor } from '../reconciler/world.ts';
import { type AtWork, atWork } from './at-work.ts';
import { backgroundDeps } from './background.ts';
import { nearest, UserError } from './errors.ts';
import { keepBackups } from './keep.ts';
import { locked } from './locked.ts';
import { printCycle } from './print-cycle.ts';
import { type BackupEvents, backupEvents } from './render/backup-events.ts';
import type { Flags } from './settings.ts';
import type { Wired } from './wire.ts';

/** What the schedule does, done now because a person wants it: the same changes, in the same way. */

export interface NowFlags extends Flags {
  output: 'text' | 'json';
  all?: boolean;
  together?: boolean;
}

interface Wanted {
  /** The command, as others are told who is at work. */
  command: string;
  what: AskedFor;
  /** Whether it is one of those that the person asked for, and not what these need first. */
  isAsked(change: Change): boolean;
  /** What a service that is blocked did not get. */
  missed: string;
}

/** Exit 0: each has what was asked for; 1: not. */
export async function runNow(names: string[], flags: NowFlags, wanted: Wanted): Promise<number> {
  if (names.length === 0 && flags.all !== true) throw new UserError('name a service, or give --all');
  return await atWork(flags, wanted.command, (at) => run(names, flags, { ...at, wanted }));
}

interface Context extends AtWork {
  wanted: Wanted;
}

async function run(names: string[], flags: NowFlags, context: Context): Promise<number> {
  const { wired, request, wanted } = context;
  const first = await locked(request, () => runCycle(wired.deps, { dry: true }));
  if (first.plan === null || first.desired === null) return refused(first, flags, wired);
  const services = chosen(names, first);
  const together = flags.together === true;
  const turns = together ? [services] : services.map((service) => [service]);
  const events = backupEvents(flags.output, process.stderr, wanted.missed);
  const outcomes = await inTurns(turns, first.desired.backupsAtOnce, together, { ...context, events });
  keepBackups(wired, first.desired);
  events.end(outcomes);
  const done = new Set(outcomes.filter(({ change }) => wanted.isAsked(change)).flatMap(doneBy));
  return services.every((service) => done.has(service)) ? 0 : 1;
}

/** Services that have what was asked for. */
function doneBy({ change, result, parts }: Outcome): string[] {
  const ends = parts ?? [{ service: change.service, result }];
  return ends.flatMap((end) => (end.result === 'applied' ? (end.service ?? []) : []));
}

/** Planned once for all; as many at a time as lab.yaml allows. Throws what planning or the state folder throws. */
async function inTurns(
  turns: string[][],
  atOnce: number,
  together: boolean,
  context: Context & { events: BackupEvents },
): Promise<Outcome[]> {
  const { wired, settings, request, wanted, events } = context;
  const atMs = Math.floor(wired.deps.clock.now() / 1000) * 1000;
  const deps = { ...backgroundDeps(wired, settings, request.command), progress: events.event };
  // One at a time, and for as long as a service of the same run may be down: the second waits for the first.
  const planning = new PQueue({ concurrency: 1 });
  const ask = (services: string[]) =>
    planning.add(async () => {
      const lock = await deps.holdCycles();
      const asked = { what: wanted.what, services, atMs, together };
      return await runCycle(wired.deps, { dry: true, asked }).finally(() => lock.release());
    });
  const planned = await ask(turns.flat());
  const outcomes: Outcome[] = [];
  const isStopped = () => request.signal?.aborted === true;
  const carryOut = async (turn: string[]) => {
    if (isStopped()) return;
    let cycle = (await isStillSo(planned, turn, wired)) ? planned : await ask(turn);
    for (let left = turn; ; cycle = await ask(left)) {
      const ended: Outcome[] = [];
      for (const group of groupsOf(cycle, left))
        ended.push(...(await runGroup(group, cycle.commit?.id ?? '', deps)));
      outcomes.push(...ended);
      events.blocked(hindrances(cycle, left));
      left = leftAlone(ended);
      if (left.length === 0 || isStopped()) return;
    }
  };
  const running = new PQueue({ concurrency: atOnce });
  try {
    await running.addAll(turns.map((turn) => () => carryOut(turn)));
  } finally {
    running.clear();
    await running.onIdle();
  }
  return outcomes;
}

/** A look at the containers takes a fraction of a plan; whatever it does not answer is planned anew. */
async function isStillSo(planned: Cycle, services: string[], { deps }: Wired): Promise<boolean> {
  const found = await deps.observer.observeContainers(deps.signal);
  if (!found.known) return false;
  const changes = groupsOf(planned, services).flat();
  return changes.every((change) => isCurrent(change, found.value));
}

/** For whom nothing was stopped, since another's hook has failed or its repository is in use: they go on without it. */
function leftAlone(outcomes: Outcome[]): string[] {
  const ends = outcomes.flatMap(({ parts = [] }) => parts);
  return ends.flatMap(({ service, result }) => (result === 'skipped' ? [service] : []));
}

function hindrances({ plan }: Cycle, services: string[]): Notice[] {
  const kinds = ['backup', 'borg-repository'];
  const own = ({ kind, service }: Notice) => kinds.includes(kind) && services.includes(service ?? '');
  return plan?.blocked.filter(own) ?? [];
}

/** What belongs to these services: repositories that are not there yet, then the backups themselves. */
function groupsOf(cycle: Cycle, services: string[]): Change[][] {
  if (cycle.plan === null) return [];
  const isOurs = ({ id, service }: Change) => id === togetherId || services.includes(service ?? '');
  return backgroundGroups(cycle.plan).filter((group) => group.every(isOurs));
}

function chosen(names: string[], { desired }: Cycle): string[] {
  const backups = (desired?.resources ?? []).filter((each): each is DesiredBackup => each.kind === 'backup');
  if (backups.length === 0) throw new UserError('lab.yaml declares no backup; add `backup:` to it');
  const known = backups.filter(({ suspend }) => !suspend).map(({ service }) => service);
  if (names.length === 0) return known;
  for (const name of names) {
    if (known.includes(name)) continue;
    const isSuspended = backups.some(({ service }) => service === name);
    throw new UserError(
      isSuspended
        ? `the backup of ${name} is suspended in its service.yaml`
        : `there is no backup of ${name}${nearest(name, known)}`,
    );
  }
  return names;
}

function refused(cycle: Cycle, flags: NowFlags, { sourceRoots }: Wired): number {
  printCycle(cycle, { output: flags.output, dry: true, nowMs: Date.now(), sourceRoots });
  return 1;
}
