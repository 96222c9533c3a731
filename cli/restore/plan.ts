import type { DesiredBackup, DesiredStack } from '../../desired-state/types.ts';
import { groundOf } from '../../reconciler/backup/writers.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { gateOf } from '../../reconciler/kinds/compose-stack.ts';
import type { OwnerPlan } from '../../reconciler/owners/move.ts';
import { type RestorePlan, restoreChange, undoRestoreChange } from '../../reconciler/restore/change.ts';
import { writerProblem } from '../../reconciler/restore/containers.ts';
import { type SafetySnapshots, undoProblem } from '../../reconciler/restore/safety.ts';
import type { ArchiveRecord } from '../../reconciler/state/backups.ts';
import type { Change } from '../../reconciler/types.ts';
import { backupOf } from '../archives/context.ts';
import { archiveNamed, knownArchives } from '../archives/known.ts';
import { backgroundDeps } from '../background.ts';
import { UserError } from '../errors.ts';
import { relative } from '../render/time.ts';
import type { Settings } from '../settings.ts';
import type { Wired } from '../wire.ts';
import { type Kept, keptBy } from './kept.ts';
import { numbersNow, ownersFor } from './owners.ts';
import { pathsToRestore, whatHinders } from './target.ts';

export interface Wanted {
  archive?: string;
  path?: string;
  undo?: boolean;
}

export interface PlanContext {
  wired: Wired;
  settings: Settings;
  flags: Wanted;
}

/**
 * The change, in a sentence what it means for the person, and which archive it is of: by the time that the person has
 * said yes there may be a newer one. Throws UserError where it is refused.
 */
export async function planOf(
  name: string,
  cycle: Cycle,
  context: PlanContext,
): Promise<{ change: Change; means: string; archive?: string }> {
  const { wired, settings, flags } = context;
  const desired = backupOf(name, cycle);
  const hindered = whatHinders(desired, wired.store);
  if (hindered !== null) throw new UserError(`${hindered}; nothing was done`);
  const kept = await keptBy(desired, settings);
  const observed = await wired.deps.observer.observe({ paths: [] });
  if (!observed.docker.known) throw new UserError(`${observed.docker.error}; nothing was done`);
  const { containers } = observed.docker.value;
  const problem = writerProblem(groundOf(desired), containers);
  if (problem !== null) throw new UserError(`${problem}; nothing was done`);
  const parts = { desired, containers, gate: gateFor(desired, cycle), atMs: wired.deps.clock.now() };
  if (flags.undo === true) return undoOf(parts, kept);
  // Where the state is in doubt, or knows nothing, the repository is asked first.
  const deps = backgroundDeps(wired, settings, 'restore');
  const known = await knownArchives({ desired, wired, deps });
  const archive = archiveNamed(flags.archive ?? 'latest', known);
  const owners = await ownersFor(desired, archive.name, numbersNow(observed, cycle, desired), deps);
  return restoreOf({ ...parts, owners }, kept, archive, flags.path);
}

type Parts = Pick<RestorePlan, 'desired' | 'containers' | 'gate' | 'atMs'>;

function restoreOf(
  parts: Parts & Pick<RestorePlan, 'owners'>,
  { snapshots }: Kept,
  archive: ArchiveRecord,
  path: string | undefined,
) {
  const paths = pathsToRestore(parts.desired, path);
  const change = restoreChange({ ...parts, archive: archive.name, paths, older: snapshots });
  const what = paths.length === 0 ? 'All data' : paths.join(', ');
  const means = `${what} of ${parts.desired.service} becomes what it was ${relative(archive.atMs, Date.now())} (${archive.name}). What is there now is kept for --undo.${leftOut(parts.desired)}${heldToo(change)}${ownersSaid(parts.owners)}`;
  return { change, means, archive: archive.name };
}

/** A person may not think of those of other services. */
function heldToo({ reasons }: Change): string {
  return reasons.flatMap(({ field, note }) => (field === 'writers' ? ` ${note}.` : [])).join('');
}

/** They are emptied with everything else, and are not in the archive. */
function leftOut({ excludes }: DesiredBackup): string {
  return excludes.length === 0 ? '' : ` What backups leave out (${excludes.join(', ')}) is gone then.`;
}

function ownersSaid({ note }: OwnerPlan): string {
  return note === undefined ? '' : ` Also: ${note}.`;
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
  return { change, means: undoMeans(parts.desired, target) + heldToo(change) };
}

function undoMeans({ service }: DesiredBackup, { createdMs }: SafetySnapshots): string {
  return `${service} goes back to what it was before the restore ${relative(createdMs, Date.now())}. What was written since is lost.`;
}

function gateFor({ project }: DesiredBackup, { desired }: Cycle) {
  const isStack = (each: { kind: string; name: string }): each is DesiredStack =>
    each.kind === 'compose-stack' && each.name === project;
  const stack = (desired?.resources ?? []).find(isStack);
  return stack === undefined ? null : gateOf(stack);
}
