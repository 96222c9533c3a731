import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { type GuardsByProject, guardsIn } from '../backup/guards.ts';
import { instant } from '../backup/names.ts';
import { groundOf } from '../backup/writers.ts';
import type { OwnerPlan } from '../owners/move.ts';
import { repositoryLock } from '../state/lock.ts';
import type { Change, HealthGate, Reason, Rescue, RestoreMount, Step } from '../types.ts';
import { type HeldContainers, heldContainers } from './containers.ts';
import { restoreId, restoreRun, safetyName } from './names.ts';
import type { SafetySnapshots } from './safety.ts';

/**
 * A restore in place as a change, and the way back as data (docs/decisions/0014-restore.md): a snapshot keeps what is
 * there, the live datasets become what the archive holds, and only when the service is healthy on it is the way back
 * taken out of the journal. The snapshot stays, and so do those of earlier restores, since each may be the only copy of what
 * was written before it: `--undo` goes back to the newest. Pure.
 */

export interface RestorePlan {
  desired: DesiredBackup;
  archive: string;
  /** Relative to the service's dataset; empty: everything. */
  paths: string[];
  owners: OwnerPlan;
  atMs: number;
  /** Of the whole host, as observed: others than its own may write to its data. */
  containers: ObservedContainer[];
  /** Of its stack; null where it has none. */
  gate: HealthGate | null;
  /** What other stacks need to be mounted, and its own besides its own data. */
  guards?: GuardsByProject;
}

export function restoreChange(plan: RestorePlan): Change {
  const { desired, archive, paths, atMs } = plan;
  const { repository, datasets, service } = desired;
  const run = restoreRun(service, atMs);
  const snapshots = datasets.map(({ name }) => safetyName(name, atMs));
  const held = heldContainers(groundOf(desired), plan.containers, guardsIn([desired], plan.guards));
  const steps: Step[] = [
    { op: 'borg-find', repository, archive, paths, dataset: datasets[0]?.name ?? '' },
    ...held.stop,
    { op: 'zfs-snapshot', snapshots, run, markers: [] },
    { op: 'borg-extract', repository, archive, paths, mounts: mountsOf(desired), ...plan.owners },
    ...held.start,
  ];
  const rescue = [
    { of: 'borg-extract', steps: [...held.stop, { op: 'zfs-rollback', snapshots, run }] },
    { of: 'containers-stop', steps: held.startAsBefore },
    { of: 'zfs-snapshot', steps: [{ op: 'zfs-destroy-snapshots', snapshots, run }] },
  ] satisfies RescueParts;
  const what = paths.length === 0 ? 'everything' : paths.join(', ');
  const reason = { field: 'data', from: instant(atMs), to: archive, note: `asked for by hand: ${what}` };
  return {
    ...reversible(partsOf(plan, held), steps, rescue, held.startOthers),
    summary: `${what} back to ${archive}`,
    reasons: [{ ...reason, origin: desired.origin }, ...held.reasons, ...ownersReason(plan.owners)],
  };
}

function ownersReason({ note }: OwnerPlan): Reason[] {
  return note === undefined ? [] : [{ field: 'owners', from: null, to: null, note }];
}

export type UndoPlan = Pick<RestorePlan, 'desired' | 'containers' | 'gate' | 'atMs' | 'guards'> & {
  /** Newest first: the first one is gone back to. */
  kept: SafetySnapshots[];
};

/** Back to what the last restore has kept. What was written since is gone: half of it done, only the rest helps. */
export function undoRestoreChange(plan: UndoPlan): Change | null {
  const [target] = plan.kept;
  if (target === undefined) return null;
  const held = heldContainers(groundOf(plan.desired), plan.containers, guardsIn([plan.desired], plan.guards));
  const rollback = { op: 'zfs-rollback', snapshots: target.snapshots, run: target.run } as const;
  const rescue = [
    { of: 'zfs-rollback', steps: [...held.stop, rollback] },
    { of: 'containers-stop', steps: held.startAsBefore },
  ] satisfies RescueParts;
  const note = 'asked for by hand: restore --undo';
  const reason = {
    field: 'data',
    from: instant(plan.atMs),
    to: target.tag,
    note,
    origin: plan.desired.origin,
  };
  const needed = [...held.stop, rollback, ...held.start];
  const destroy = { op: 'zfs-destroy-snapshots', snapshots: target.snapshots, run: target.run } as const;
  return {
    ...reversible(partsOf(plan, held), needed, rescue, [...held.startOthers, destroy]),
    summary: `back to ${target.tag}`,
    reasons: [reason, ...held.reasons],
  };
}

function partsOf({ desired, gate }: Pick<UndoPlan, 'desired' | 'gate'>, held: HeldContainers): Reversible {
  const { service, name, repository } = desired;
  const lock = repositoryLock(repository.location);
  return { service, name, lock, held, gate, unwell: 'taken-back' };
}

/** Whose data is exchanged, and what must hold still meanwhile. */
export interface Reversible {
  service: string;
  name: string;
  /** Kernel lock of the run: who has it is alone with the data. */
  lock: string;
  held: HeldContainers;
  gate: HealthGate | null;
  unwell: Rescue['unwell'];
}

export type RescueParts = { of: Step['op']; steps: Step[] }[];

/** A change that takes itself back until what is needed for it is done. From there on only its `last` steps are left. */
export function reversible(
  { service, name, lock, held, gate, unwell }: Reversible,
  needed: Step[],
  rescue: RescueParts,
  last: Step[],
): Omit<Change, 'summary' | 'reasons'> {
  const steps = [...needed, ...last];
  const until = needed.length;
  const at = (op: Step['op']) => steps.findIndex((step) => step.op === op);
  const running = (gate?.containers ?? []).filter(({ service }) =>
    held.own.some((each) => each.service === service),
  );
  return {
    verb: 'run',
    kind: 'backup',
    id: restoreId(service),
    name,
    service,
    needs: [],
    disruption: { level: 'downtime', seconds: 0, containers: held.names },
    steps,
    // All at once when the rescue goes: a container that only the rescue would have started must not be forgotten.
    undo: last.map((_step, index) => ({ of: until, by: until + index })),
    mayFail: last.map((_step, index) => until + index),
    rescue: {
      steps: rescue.flatMap(({ of, steps: own }) => own.map((step) => ({ of: at(of), step }))),
      until,
      unwell,
    },
    // From the first entry in the journal on, cycles leave the service alone: no more than that do they wait for.
    background: { locks: [lock], exclusive: exclusiveOf(steps) },
    ...(gate === null || running.length === 0 ? {} : { gate: { ...gate, containers: running } }),
  };
}

function exclusiveOf(steps: Step[]): { first: number; last: number } {
  return { first: 0, last: steps.findIndex(({ op }) => op !== 'borg-find') };
}

/** Its datasets and where each is below the service's own, parents first. */
export function mountsOf({ datasets }: DesiredBackup): RestoreMount[] {
  const root = datasets[0]?.mountpoint ?? '';
  return datasets.map(({ name, mountpoint }) => ({
    guard: { dataset: name, mountpoint },
    below: mountpoint.slice(root.length).replace(/^\//, ''),
  }));
}
