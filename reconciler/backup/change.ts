import type { BackupHook } from '../../desired-state/backup-parts.ts';
import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { archiveComment } from '../owners/comment.ts';
import type { OwnerNumbers } from '../owners/numbers.ts';
import type { ArchiveRecord } from '../state/backups.ts';
import { repositoryLock } from '../state/lock.ts';
import type { BorgCreate, Change, Reason, Step } from '../types.ts';
import { archiveName, instant, snapshotName, togetherId } from './names.ts';
import { pruneOf } from './prune.ts';
import type { HeldGround, QuiescedContainer } from './step-parts.ts';
import {
  callWriter,
  foreignReasons,
  groundOf,
  quiescedIn,
  startedBy,
  type Writers,
  writerReason,
  writersAtSnapshot,
  writersOf,
} from './writers.ts';

/**
 * Backups as a change: the containers stop, one atomic snapshot is taken, they start again, and the uploads read the
 * snapshot. What must be put right after a crash is part of it as data.
 */
export interface BackupPlan {
  desired: DesiredBackup;
  /** What the archive stands for: the tick, or the moment that a person asked for. */
  atMs: number;
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
  /** The archive of the last restore drill that went well. */
  restored?: string | null;
  /** What attempts that were cut off have left in the repository. */
  checkpoints?: readonly string[];
  /** Expected, from the last time. */
  downtimeSeconds: number;
  /** How long a container that others wait for may take to become healthy again. */
  healthTimeoutSeconds: number;
}

/** The backup of one service. */
export function backupChange(plan: BackupPlan): Change {
  const { id, name, service } = plan.desired;
  const run = archiveName(service, plan.atMs);
  return { ...partsOf([plan], run), id, name, service, reasons: reasonsOf(plan) };
}

/** All of these at one instant: one stop, one snapshot of everything, one start, then the uploads in turn. */
export function togetherChange(plans: BackupPlan[], atMs: number): Change {
  const parts = partsOf(plans, `together-${instant(atMs)}`);
  const reasons = plans.flatMap(reasonsOf);
  return { ...parts, id: togetherId, name: 'together', service: null, reasons };
}

function partsOf(plans: BackupPlan[], run: string): Omit<Change, 'id' | 'name' | 'service' | 'reasons'> {
  const held = quiescedBy(plans);
  const quiesced = [...held.stop, ...held.pause];
  const { steps, undo, mayFail, exclusive } = sequenceOf(plans, held, run);
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
    steps,
    undo,
    mayFail,
    background: { locks, exclusive, holds: plans.map(holdOf) },
  };
}

function sequenceOf(plans: BackupPlan[], { stop, pause }: Quiesced, run: string) {
  const sequence = new Sequence();
  const snapshots = plans.flatMap(snapshotsOf);
  const before = hooksOf(plans, 'before').map((step) => sequence.add(step));
  const patience = Math.max(...plans.map(({ healthTimeoutSeconds }) => healthTimeoutSeconds));
  const holds = [...stopSteps(stop, patience), ...pauseSteps(pause)].map(({ hold, go }) => ({
    of: sequence.add(hold),
    go,
  }));
  const markers = plans.flatMap(markerOf);
  const snapshot = sequence.add({ op: 'zfs-snapshot', snapshots, run, markers, ...noteOf(plans) });
  // The snapshot is taken: a service that does not come up again is no reason to have no archive of it either.
  for (const { of, go } of holds.reverse()) sequence.settle(of, sequence.addMayFail(go));
  const exclusive = { first: 0, last: sequence.steps.length - 1 };
  for (const step of hooksOf(plans, 'after'))
    sequence.settle(before[0] ?? snapshot, sequence.addMayFail(step));
  for (const plan of plans) {
    for (const step of archiveSteps(plan)) sequence.addMayFail(step);
    const own = snapshotsOf(plan);
    sequence.settle(snapshot, sequence.add({ op: 'zfs-destroy-snapshots', snapshots: own, run }));
    // Right after its own archive, which is what it waits for.
    for (const step of pruneSteps(plan)) sequence.add(step);
  }
  return { ...sequence, exclusive };
}

function pruneSteps(plan: BackupPlan): Step[] {
  const { desired, atMs, archives, pruneHeld = null } = plan;
  if (pruneHeld !== null) return [];
  return pruneOf(desired, archives, { name: archiveName(desired.service, atMs), atMs }, plan);
}

export class Sequence {
  readonly steps: Step[] = [];
  readonly undo: { of: number; by: number }[] = [];
  readonly mayFail: number[] = [];
  /** Its position. */
  add(step: Step): number {
    this.steps.push(step);
    return this.steps.length - 1;
  }
  /** One whose failure is told, and does not end the change. */
  addMayFail(step: Step): number {
    const position = this.add(step);
    this.mayFail.push(position);
    return position;
  }
  settle(of: number, by: number): void {
    this.undo.push({ of, by });
  }
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
  const isFree = ({ id }: ObservedContainer) => !taken.has(id) && taken.add(id);
  const held = (mode: 'stop' | 'pause') => {
    const those = found.filter((each) => each.mode === mode);
    return quiescedIn({
      own: those.flatMap(({ own }) => own),
      foreign: those.flatMap(({ foreign }) => foreign.filter(isFree)),
    });
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
  ];
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
  return { ...groundOf(plan.desired), quiesce: plan.desired.quiesce, passing };
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

function hooksOf(plans: BackupPlan[], when: 'before' | 'after'): Step[] {
  return plans.flatMap(({ desired, containers }) =>
    desired.hooks[when].flatMap((hook) => hookSteps(hook, writersOf(groundOf(desired), containers).own)),
  );
}

/** Hooks of a container that does not run are left out: there is nothing to be flushed. */
function hookSteps({ container, argv, timeoutSeconds }: BackupHook, containers: ObservedContainer[]): Step[] {
  return containers
    .filter(({ service, state }) => service === container && state === 'running')
    .map(({ id, name }) => ({ op: 'container-exec', id, name, argv, timeoutSeconds }));
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
  const comment = archiveComment(names, plan.numbers);
  const sources = { at: service, mounts, compression, excludes };
  const before = { repositoryId: plan.repositoryId, expected: expectedOf(plan) };
  const { pruneHeld = null } = plan;
  const said = pruneHeld === null ? {} : { note: pruneHeld };
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
