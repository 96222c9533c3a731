import PQueue from 'p-queue';
import type { DesiredBackup, DesiredState } from '../desired-state/types.ts';
import { type BackgroundDeps, backgroundGroups, runGroup } from '../reconciler/background.ts';
import { isIncomplete } from '../reconciler/backup/change.ts';
import { isCurrent } from '../reconciler/backup/current.ts';
import { togetherId } from '../reconciler/backup/names.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { Change, Notice, Outcome } from '../reconciler/types.ts';
import type { Asked, AskedFor } from '../reconciler/world.ts';
import { noBackup } from './archives/retired.ts';
import { type AtWork, atWork } from './at-work.ts';
import { backgroundDeps } from './background.ts';
import { archiveMomentMs } from './backup-moment.ts';
import { UserError } from './errors.ts';
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

export interface Wanted {
  /** The command, as others are told who is at work. */
  command: string;
  what: AskedFor;
  /** Whether it is one of those that the person asked for, and not what these need first. */
  isAsked(change: Change): boolean;
  /** What a service that is blocked did not get. */
  missed: string;
}

/** Exit 0: each has what was asked for; 1: not, or an archive lacks what is mounted inside the data. */
export async function runNow(names: string[], flags: NowFlags, wanted: Wanted): Promise<number> {
  if (names.length === 0 && flags.all !== true) throw new UserError('name a service, or give --all');
  if (names.length > 0 && flags.all === true)
    throw new UserError('give --all, or name services: not both; nothing was done');
  return await atWork(flags, wanted.command, (at) => runAsked(names, flags, { ...at, wanted }));
}

export interface AskedContext extends AtWork {
  wanted: Wanted;
}

/** See `runNow`; with all that it stands on. */
export async function runAsked(names: string[], flags: NowFlags, context: AskedContext): Promise<number> {
  const { wired, look, request, wanted } = context;
  const atMs = await archiveMomentMs(wired.store, wired.deps.clock);
  const together = flags.together === true;
  const askedFor = (services: string[]): Asked => ({ what: wanted.what, services, atMs, together });
  const asked = (desired: DesiredState) => askedFor(chosen(names, desired, wired.store));
  const planned = await locked(request, () => look(asked));
  if (planned.plan === null || planned.desired === null) return refused(planned, flags, wired);
  const services = chosen(names, planned.desired, wired.store);
  const turns = together ? [services] : services.map((service) => [service]);
  const events = backupEvents(flags.output, process.stderr, wanted.missed);
  const outcomes = await inTurns(planned, turns, askedFor, { ...context, events });
  keepBackups(wired, planned.desired);
  events.end(outcomes);
  const done = new Set(outcomes.filter(({ change }) => wanted.isAsked(change)).flatMap(doneBy));
  const isWhole = outcomes.every(({ change }) => !isIncomplete(change));
  return isWhole && services.every((service) => done.has(service)) ? 0 : 1;
}

/** Services that have what was asked for. */
function doneBy({ change, result, parts }: Outcome): string[] {
  const ends = parts ?? [{ service: change.service, result }];
  return ends.flatMap((end) => (end.result === 'applied' ? (end.service ?? []) : []));
}

/**
 * Planned once for all; as many at a time as lab.yaml allows. What a backup stops is looked at once more when it has the
 * cycles to itself: where other containers run by then, nothing is stopped, and it is planned again here.
 * Throws what planning or the state folder throws.
 */
async function inTurns(
  planned: Cycle,
  turns: string[][],
  askedFor: (services: string[]) => Asked,
  context: AskedContext & { events: BackupEvents },
): Promise<Outcome[]> {
  const { wired, settings, look, request, events } = context;
  const deps = { ...backgroundDeps(wired, settings, request.command), progress: events.event };
  // One at a time, and for as long as a service of the same run may be down: the second waits for the first.
  const planning = new PQueue({ concurrency: 1 });
  const planAgain = (turn: string[]) =>
    planning.add(async () => {
      const lock = await deps.holdCycles();
      return await look(askedFor(turn)).finally(() => lock.release());
    });
  const outcomes: Outcome[] = [];
  const isStopped = () => request.signal?.aborted === true;
  const carryOut = async (turn: string[]) => {
    if (isStopped()) return;
    let cycle = planned;
    for (let left = turn; ; cycle = await planAgain(left)) {
      const { ended, others } = await runTurn(cycle, left, deps);
      outcomes.push(...ended);
      const isOld = cycle === planned && ended.some(isSkipped) && !(await isStillSo(planned, left, wired));
      if (!isOld) events.blocked(hindrances(cycle, left));
      left = isOld ? left : (others ?? leftAlone(ended));
      if (left.length === 0 || isStopped()) return;
    }
  };
  const running = new PQueue({ concurrency: planned.desired?.backupsAtOnce ?? 1 });
  try {
    await running.addAll(turns.map((turn) => () => carryOut(turn)));
  } finally {
    running.clear();
    await running.onIdle();
  }
  return outcomes;
}

function isSkipped({ result }: Outcome): boolean {
  return result === 'skipped';
}

/** `others`: who is planned once more, since all at one instant would have stopped one whose repository has failed. */
async function runTurn(
  cycle: Cycle,
  turn: string[],
  deps: BackgroundDeps,
): Promise<{ ended: Outcome[]; others?: string[] }> {
  const ended: Outcome[] = [];
  for (const group of groupsOf(cycle, turn)) {
    const failed = ended.filter(({ result }) => result !== 'applied').map(({ change }) => change.service);
    if (failed.length > 0 && group.some(({ id }) => id === togetherId))
      return { ended, others: turn.filter((service) => !failed.includes(service)) };
    ended.push(...(await runGroup(group, cycle.commit?.id ?? '', deps)));
  }
  return { ended };
}

/** Whether the containers are those of the plan; where Docker does not say so, they are not. */
async function isStillSo(planned: Cycle, services: string[], { deps }: Wired): Promise<boolean> {
  const found = await deps.observer.observeContainers(deps.signal);
  const changes = groupsOf(planned, services).flat();
  return found.known && changes.every((change) => isCurrent(change, found.value));
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

function chosen(names: string[], desired: DesiredState, store: Store): string[] {
  const backups = desired.resources.filter((each): each is DesiredBackup => each.kind === 'backup');
  if (backups.length === 0) throw new UserError('lab.yaml declares no backup; add `backup:` to it');
  const known = backups.filter(({ suspend }) => !suspend).map(({ service }) => service);
  if (names.length === 0) return known;
  for (const name of names) {
    if (known.includes(name)) continue;
    const isSuspended = backups.some(({ service }) => service === name);
    throw isSuspended
      ? new UserError(`the backup of ${name} is suspended in its service.yaml`)
      : noBackup(name, desired, store);
  }
  return names;
}

function refused(cycle: Cycle, flags: NowFlags, { sourceRoots }: Wired): number {
  printCycle(cycle, { output: flags.output, dry: true, nowMs: Date.now(), sourceRoots });
  return 1;
}
