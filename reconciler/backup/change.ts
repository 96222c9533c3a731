import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { archiveComment } from '../owners/comment.ts';
import type { OwnerNumbers } from '../owners/numbers.ts';
import type { ChangePart } from '../part-types.ts';
import type { ArchiveRecord } from '../state/archives.ts';
import { repositoryLock } from '../state/lock.ts';
import type { BorgCreate, Change, Reason, Step } from '../types.ts';
import { type GuardsByProject, guardsIn } from './guards.ts';
import { hookedServices, hookSteps, leftOut, leftOutReasons } from './hooks.ts';
import { archiveName, instant, snapshotName, togetherId } from './names.ts';
import { type PruneFacts, pruneOf } from './prune.ts';
import { Sequence } from './sequence.ts';
import type { HeldGround, QuiescedContainer } from './step-parts.ts';
import { uncoveredText } from './uncovered.ts';
import {
  callWriter,
  foreignReasons,
  groundOf,
  quiescedIn,
  startedBy,
  type Writers,
  writerReason,
  writersAtSnapshot,
} from './writers.ts';

/**
 * Backups as a change: the containers stop, one atomic snapshot is taken, they start again, and the uploads read the
 * snapshot. What must be put right after a crash is part of it as data.
 */
export interface BackupPlan extends PruneFacts {
  desired: DesiredBackup;
  /** What the archive stands for: the tick, or the moment that a person asked for. */
  atMs: number;
  byHand: boolean;
  /** Of the whole host, as observed: others than its own may write to its data. */
  containers: ObservedContainer[];
  /** Newest first. */
  archives: ArchiveRecord[];
  /** As Borg told it the last time; null where nothing was there yet. */
  repositoryId: string | null;
  /** Of this server, which the archive says with it. */
  numbers: OwnerNumbers;
  reasons: Reason[];
  /** Why nothing may be pruned now; null when it may. */
  pruneHeld?: string | null;
  /** Expected, from the last time. */
  downtimeSeconds: number;
  /** How long a container that others wait for may take to become healthy again. */
  healthTimeoutSeconds: number;
  /** What other stacks need to be mounted, and its own besides its own data. */
  guards?: GuardsByProject;
}

/** The backup of one service. */
export function backupChange(plan: BackupPlan): Change {
  const { id, name, service } = plan.desired;
  const run = archiveName(service, plan.atMs);
  const { parts: _itself, ...change } = changeOf([plan], run);
  return { ...change, id, name, service, reasons: reasonsOf(plan) };
}

/**
 * All of these at one instant: one stop, one snapshot of everything, one start, then the uploads in turn. Each is a part
 * of its own, so that what goes wrong with one keeps none of the others from its archive.
 */
export function togetherChange(plans: BackupPlan[], atMs: number): Change {
  const change = changeOf(plans, `together-${instant(atMs)}`);
  const reasons = plans.flatMap(reasonsOf);
  return { ...change, id: togetherId, name: 'together', service: null, reasons };
}

function changeOf(plans: BackupPlan[], run: string): Omit<Change, 'id' | 'name' | 'service' | 'reasons'> {
  const held = quiescedBy(plans);
  const quiesced = [...held.stop, ...held.pause];
  const { exclusive, ...sequence } = sequenceOf(plans, held, run);
  const needs = plans.flatMap(({ desired }) =>
    desired.needs.filter((id) => !id.startsWith('compose-stack:')),
  );
  const locks = plans.map(({ desired }) => repositoryLock(desired.repository.location)).sort();
  return {
    verb: 'run',
    kind: 'backup',
    summary: summaryOf(plans, quiesced),
    needs: [...new Set(needs)],
    disruption: disruptionOf(plans, quiesced),
    ...sequence,
    background: { locks, exclusive, holds: plans.map(holdOf) },
  };
}

function sequenceOf(plans: BackupPlan[], { stop, pause }: Quiesced, run: string) {
  const sequence = new Sequence();
  const parts = plans.map((plan) => ({ plan, part: partOf(plan) }));
  const begun = parts.map(({ plan, part }) =>
    hookSteps(plan, 'before').map((step) => sequence.add(step, part)),
  );
  // A dump may take long, and stops nobody: cycles are held back only from here on.
  const first = sequence.steps.length;
  const patience = Math.max(...plans.map(({ healthTimeoutSeconds }) => healthTimeoutSeconds));
  const holds = [...stopSteps(stop, patience), ...pauseSteps(pause)].map(({ hold, go }) => ({
    of: sequence.add(hold),
    go,
  }));
  const snapshots = plans.flatMap(snapshotsOf);
  const markers = plans.flatMap(markerOf);
  const snapshot = sequence.add({ op: 'zfs-snapshot', snapshots, run, markers, ...noteOf(plans) });
  // The snapshot is taken: a service that does not come up again is no reason to have no archive of it either.
  for (const { of, go } of holds.reverse()) sequence.settle(of, sequence.addMayFail(go));
  const exclusive = { first, last: sequence.steps.length - 1 };
  for (const [index, { plan, part }] of parts.entries())
    for (const step of hookSteps(plan, 'after'))
      sequence.settle(begun[index]?.[0] ?? snapshot, sequence.addMayFail(step, part));
  for (const { plan, part } of parts) {
    for (const step of archiveSteps(plan)) sequence.addMayFail(step, part);
    const own = snapshotsOf(plan);
    const destroy: Step = { op: 'zfs-destroy-snapshots', snapshots: own, run };
    sequence.settle(snapshot, sequence.add(destroy, part));
    // Right after its own archive, which is what it waits for.
    for (const step of pruneSteps(plan)) sequence.add(step, part);
  }
  const { steps, undo, mayFail } = sequence;
  return { steps, undo, mayFail, parts: parts.map(({ part }) => part), exclusive };
}

function partOf(plan: BackupPlan): ChangePart {
  const { own, foreign } = writersOfPlan(plan);
  const containers = [...own, ...foreign].map(({ name }) => name).sort();
  return { service: plan.desired.service, steps: [], containers };
}

function pruneSteps(plan: BackupPlan): Step[] {
  const { desired, atMs, byHand, archives, pruneHeld = null } = plan;
  if (pruneHeld !== null) return [];
  return pruneOf(desired, archives, { name: archiveName(desired.service, atMs), atMs, byHand }, plan);
}

function snapshotsOf({ desired, atMs }: BackupPlan): string[] {
  return desired.datasets.map(({ name }) => snapshotName(name, atMs));
}

/** How each container is held still: all at one instant, those of several services too. */
interface Quiesced {
  stop: QuiescedContainer[];
  pause: QuiescedContainer[];
}

/** Each once: what its own service wants for it goes before what those want whose data it writes to. */
function quiescedBy(plans: BackupPlan[]): Quiesced {
  const found = plans.map((plan) => ({ mode: plan.desired.quiesce, ...writersOfPlan(plan) }));
  const taken = new Set(found.flatMap(({ own }) => own.map(({ id }) => id)));
  const guardsOf = guardsIn(
    plans.map(({ desired }) => desired),
    plans[0]?.guards,
  );
  const isFree = ({ id }: ObservedContainer) => !taken.has(id) && taken.add(id);
  const held = (mode: 'stop' | 'pause') => {
    const those = found.filter((each) => each.mode === mode);
    const own = those.flatMap(({ own }) => own);
    const foreign = those.flatMap(({ foreign }) => foreign.filter(isFree));
    return quiescedIn({ own, foreign }, guardsOf);
  };
  return { stop: held('stop'), pause: held('pause') };
}

function writersOfPlan({ desired, containers }: BackupPlan): Writers {
  return writersAtSnapshot(groundOf(desired), desired.quiesce, containers);
}

function reasonsOf(plan: BackupPlan): Reason[] {
  const { foreign, passing } = writersOfPlan(plan);
  const how = plan.desired.quiesce === 'pause' ? 'is paused' : 'stops';
  return [
    ...plan.reasons,
    ...foreignReasons(groundOf(plan.desired), foreign, how),
    ...passing.map((container) => writerReason(goesOn(container, plan))),
    ...leftOutReasons(plan),
    ...lacking(plan).map((note) => ({ field: uncoveredField, from: null, to: null, note })),
  ];
}

/** Of a reason: what the archive will lack. */
const uncoveredField = 'uncovered';

/** Whether the archives of this change lack some of the data. */
export function isIncomplete({ reasons }: Change): boolean {
  return reasons.some(({ field }) => field === uncoveredField);
}

function lacking({ desired, uncovered = [] }: BackupPlan): string[] {
  return uncovered.map((place) => uncoveredText(place, desired));
}

function goesOn(container: ObservedContainer, { desired: { service } }: BackupPlan): string {
  return `${callWriter(container)} writes to the data of ${service} while the snapshot is taken: stopping it would end it for good (${startedBy(container)})`;
}

/** What is to be known of a snapshot. */
function noteOf(plans: BackupPlan[]): { note?: string } {
  const notes = plans.flatMap((plan) =>
    writersOfPlan(plan).passing.map((container) => goesOn(container, plan)),
  );
  return notes.length === 0 ? {} : { note: notes.join('; ') };
}

function holdOf(plan: BackupPlan): HeldGround {
  const passing = writersOfPlan(plan).passing.map(({ id }) => id);
  const { quiesce } = plan.desired;
  return { ...groundOf(plan.desired), quiesce, passing, hooked: hookedServices(plan.desired) };
}

/** How containers are held still, and how they go on. */
interface Hold {
  hold: Step;
  go: Step;
}

function stopSteps(containers: QuiescedContainer[], healthTimeoutSeconds: number): Hold[] {
  if (containers.length === 0) return [];
  const go: Step = { op: 'containers-start', containers, healthTimeoutSeconds };
  return [{ hold: { op: 'containers-stop', containers }, go }];
}

function pauseSteps(containers: QuiescedContainer[]): Hold[] {
  if (containers.length === 0) return [];
  return [{ hold: { op: 'containers-pause', containers }, go: { op: 'containers-unpause', containers } }];
}

function markerOf({ desired: { datasets } }: BackupPlan): Extract<Step, { op: 'zfs-snapshot' }>['markers'] {
  const [root] = datasets;
  if (root === undefined) return [];
  const guard = { dataset: root.name, mountpoint: root.mountpoint };
  return [{ path: `${root.mountpoint}/.steward-backup`, guard }];
}

/** The archive, and where it is ever restored for proof, what that must then be compared with. */
function archiveSteps(plan: BackupPlan): Step[] {
  const create = createStep(plan);
  if (plan.desired.drill === null) return [create];
  const { repository, archive, at, mounts, excludes } = create;
  return [create, { op: 'borg-manifest', repository, archive, at, mounts, excludes }];
}

function createStep(plan: BackupPlan): BorgCreate {
  const { repository, compression, excludes, service, datasets } = plan.desired;
  const root = datasets[0]?.mountpoint ?? '';
  const snapshots = snapshotsOf(plan);
  const mounts = datasets.map(({ mountpoint }, index) => ({
    snapshot: snapshots[index] ?? '',
    below: mountpoint.slice(root.length).replace(/^\//, ''),
  }));
  const archive = archiveName(service, plan.atMs);
  const names = datasets.map(({ name }) => name);
  const comment = archiveComment(names, plan.numbers, plan.byHand);
  const sources = { at: service, mounts, compression, excludes };
  const before = { repositoryId: plan.repositoryId, expected: expectedOf(plan) };
  const notes = [...(plan.pruneHeld == null ? [] : [plan.pruneHeld]), ...leftOut(plan), ...lacking(plan)];
  const said = notes.length === 0 ? {} : { note: notes.join('; ') };
  return { op: 'borg-create', repository, archive, ...sources, comment, ...before, ...said };
}

function expectedOf({ archives }: BackupPlan): { files: number; bytes: number } | null {
  const last = archives.find(({ files, originalBytes }) => files !== null && originalBytes !== null);
  return last === undefined ? null : { files: last.files ?? 0, bytes: last.originalBytes ?? 0 };
}

function summaryOf(plans: BackupPlan[], quiesced: QuiescedContainer[]): string {
  const what = plans.length === 1 ? 'a snapshot' : `one snapshot of ${plans.length} services`;
  if (quiesced.length === 0) return `archive of ${what}, nothing stops`;
  const containers = quiesced.length === 1 ? '1 container' : `${quiesced.length} containers`;
  const pauses = plans.every(({ desired }) => desired.quiesce === 'pause');
  return `${pauses ? 'pauses' : 'stops'} ${containers} for ${what}`;
}

function disruptionOf(plans: BackupPlan[], quiesced: QuiescedContainer[]): Change['disruption'] {
  if (quiesced.length === 0) return { level: 'none', seconds: 0, containers: [] };
  const pauses = plans.every(({ desired }) => desired.quiesce === 'pause');
  const seconds = Math.max(...plans.map(({ downtimeSeconds }) => downtimeSeconds));
  return { level: pauses ? 'reload' : 'restart', seconds, containers: quiesced.map(({ name }) => name) };
}

export function archiveReason(
  desired: DesiredBackup,
  atMs: number,
  lastMs: number | null,
  note: string,
): Reason {
  const from = lastMs === null ? null : instant(lastMs);
  return { field: 'archive', from, to: instant(atMs), note, origin: desired.origin };
}
