import type { DesiredBackup, DesiredStack } from '../../desired-state/types.ts';
import type { ObservedState } from '../../observers/types.ts';
import { mountedInside } from '../../reconciler/apply/targets.ts';
import { guardsByProject } from '../../reconciler/backup/guards.ts';
import { passedOver } from '../../reconciler/backup/newest.ts';
import { groundOf } from '../../reconciler/backup/writers.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { gateOf } from '../../reconciler/kinds/compose-stack.ts';
import { type RestorePlan, restoreChange, undoRestoreChange } from '../../reconciler/restore/change.ts';
import { writerProblem } from '../../reconciler/restore/containers.ts';
import { withoutWayBack } from '../../reconciler/restore/no-way-back.ts';
import { undoProblem } from '../../reconciler/restore/safety.ts';
import { servicesOf } from '../../reconciler/snapshots/by-hand.ts';
import type { ArchiveRecord } from '../../reconciler/state/archives.ts';
import { readInventory } from '../../reconciler/state/inventory.ts';
import type { Store } from '../../reconciler/state/store.ts';
import { readUndo, type Undo } from '../../reconciler/state/undo.ts';
import type { Change } from '../../reconciler/types.ts';
import { backupOf } from '../archives/context.ts';
import { archiveNamed, knownArchives } from '../archives/known.ts';
import { backgroundDeps } from '../background.ts';
import { UserError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Wired } from '../wire.ts';
import { type Kept, keptBy } from './kept.ts';
import { restoreMeans, undoMeans } from './means.ts';
import { numbersNow, ownersFor } from './owners.ts';
import { pathsToRestore, whatHinders } from './target.ts';

export interface Wanted {
  archive?: string;
  path?: string;
  undo?: boolean;
  /** Of the restore that an undo is to go back before; not given: the last one. */
  run?: string;
}

export interface PlannedRestore {
  change: Change;
  /** What it means for the person, in sentences. */
  means: string;
  /** What so is agreed to. */
  agreed: Pick<Wanted, 'archive' | 'run'>;
  /** Of the journal: what can never be put right, and need not be once this is done. */
  givesUp?: Undo[];
}

export interface PlanContext {
  wired: Wired;
  settings: Settings;
  flags: Wanted;
}

/**
 * The change, in a sentence what it means for the person, and what so is agreed to: by the time that the person has said
 * yes there may be a newer archive, or an older restore may be the last one. Throws UserError where it is refused.
 */
export async function planOf(name: string, cycle: Cycle, context: PlanContext): Promise<PlannedRestore> {
  const { wired, settings, flags } = context;
  const desired = backupOf(name, cycle, wired.store);
  const kept = await keptBy(desired, settings);
  const givesUp = hindrance(desired, kept, context);
  const observed = await wired.deps.observer.observe({ paths: [] });
  if (!observed.docker.known) throw new UserError(`${observed.docker.error}; nothing was done`);
  const { containers } = observed.docker.value;
  const problem = writerProblem(groundOf(desired), containers);
  if (problem !== null) throw new UserError(`${problem}; nothing was done`);
  const guards = guardsByProject(cycle.desired?.resources ?? []);
  const parts = { desired, containers, gate: gateFor(desired, cycle), atMs: wired.deps.clock.now(), guards };
  if (flags.undo === true) {
    refuseAnother(name, kept, flags.run);
    return undoOf(parts, kept, datasetsOf(name, wired.store), settings);
  }
  // Where the state is in doubt, or knows nothing, the repository is asked first.
  const deps = backgroundDeps(wired, settings, 'restore');
  const known = await knownArchives({ desired, wired, deps });
  const archive = archiveNamed(flags.archive ?? 'latest', known);
  const owners = await ownersFor(desired, archive.name, numbersNow(observed, cycle, desired), deps);
  const passed = flags.archive === undefined ? passedOver(name, known.own, parts.atMs) : null;
  const chosen = { archive, path: flags.path, passedOver: passed?.note ?? null };
  const planned = restoreOf({ ...parts, owners }, kept, chosen);
  refuseMountedInside(planned.change, observed);
  return { ...planned, givesUp };
}

/** What is given up by restoring all of it anew. Throws UserError where something else is in the way. */
function hindrance(
  desired: DesiredBackup,
  { found }: Kept,
  { wired: { store }, flags }: PlanContext,
): Undo[] {
  const hindered = whatHinders(desired, store);
  if (hindered === null) return [];
  const there = new Set(found.flatMap(({ snapshots }) => snapshots.map(({ name }) => name)));
  // One of its datasets is not there: with its pool the snapshots may come back.
  const isAll = found.length === desired.datasets.length;
  const dead = isAll ? withoutWayBack(readUndo(store), desired.service, there) : [];
  if (dead.length === 0) throw new UserError(`${hindered}; nothing was done`);
  if (flags.undo === true || flags.path !== undefined)
    throw new UserError(
      `${hindered}; it can never come back, so all of it has to be restored: steward restore ${desired.service}; nothing was done`,
    );
  return dead;
}

/** The step looks again; here nothing has been stopped for it yet. */
function refuseMountedInside({ steps }: Change, { mounts }: ObservedState): void {
  if (!mounts.known) return;
  for (const step of steps) {
    const inside = step.op === 'borg-extract' ? mountedInside(step, mounts.value) : null;
    if (inside !== null)
      throw new UserError(
        `${inside}: unmount it until the restore is over, or restore another part with --path; nothing was done`,
      );
  }
}

type Parts = Pick<RestorePlan, 'desired' | 'containers' | 'gate' | 'atMs' | 'guards'>;

interface Chosen {
  archive: ArchiveRecord;
  path: string | undefined;
  passedOver: string | null;
}

function restoreOf(
  parts: Parts & Pick<RestorePlan, 'owners'>,
  { snapshots: kept }: Kept,
  { archive, path, passedOver }: Chosen,
) {
  const { desired, owners, atMs: nowMs } = parts;
  const paths = pathsToRestore(desired, path);
  const change = restoreChange({ ...parts, archive: archive.name, paths });
  const means = restoreMeans({ desired, change, kept, nowMs, archive, paths, owners, passedOver });
  return { change, means, agreed: { archive: archive.name } };
}

/** All that Steward knows, in Git or not. */
function datasetsOf(service: string, store: Store): string[] {
  const known = servicesOf(readInventory(store).entries.values());
  const own = known.find((each) => each.service === service)?.datasets ?? [];
  return own.map(({ name }) => name);
}

/** An undo keeps nothing of what it leaves: to go back further than was said would be a loss that nobody has agreed to. */
function refuseAnother(service: string, { snapshots: [last] }: Kept, run: string | undefined): void {
  if (run === undefined || run === last?.run) return;
  throw new UserError(
    `another restore or undo of ${service} has ended meanwhile; nothing was done. steward restore ${service} --undo says what it goes back to now`,
  );
}

function undoOf(
  parts: Parts,
  { found, snapshots: kept }: Kept,
  datasets: string[],
  { host }: Pick<Settings, 'host'>,
) {
  const here = host === 'simulator' ? ': the simulated host lists no snapshots' : '';
  const { desired, atMs: nowMs } = parts;
  const [target] = kept;
  const change = undoRestoreChange({ ...parts, kept });
  if (target === undefined || change === null)
    throw new UserError(`no restore of ${desired.service} has kept anything to go back to${here}`);
  const problem = undoProblem({ service: desired.service, datasets }, found, target);
  if (problem !== null) throw new UserError(problem);
  return { change, means: undoMeans({ desired, change, kept, nowMs }), agreed: { run: target.run } };
}

function gateFor({ project }: DesiredBackup, { desired }: Cycle) {
  const isStack = (each: { kind: string; name: string }): each is DesiredStack =>
    each.kind === 'compose-stack' && each.name === project;
  const stack = (desired?.resources ?? []).find(isStack);
  return stack === undefined ? null : gateOf(stack);
}
