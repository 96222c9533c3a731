import type { BackupHook } from '../../desired-state/backup-parts.ts';
import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { ArchiveRecord } from '../state/backups.ts';
import { repositoryLock } from '../state/lock.ts';
import type { BorgCreate, Change, Reason, Step } from '../types.ts';
import { archiveName, instant, snapshotName, togetherId } from './names.ts';
import { pruneOf } from './prune.ts';
import type { QuiescedContainer } from './step-parts.ts';

/**
 * Backups as a change: the containers stop, one atomic snapshot is taken, they start again, and the uploads read the
 * snapshot. What must be put right after a crash is part of it as data.
 */
export interface BackupPlan {
  desired: DesiredBackup;
  /** What the archive stands for: the tick, or the moment that a person asked for. */
  atMs: number;
  /** Of its compose project, as observed. */
  containers: ObservedContainer[];
  /** Newest first. */
  archives: ArchiveRecord[];
  /** As Borg told it the last time; null where nothing was there yet. */
  repositoryId: string | null;
  reasons: Reason[];
  /** Why nothing may be pruned now; null when it may. */
  pruneHeld?: string | null;
  /** The archive of the last restore drill that went well. */
  restored?: string | null;
  /** Expected, from the last time. */
  downtimeSeconds: number;
  /** How long a container that others wait for may take to become healthy again. */
  healthTimeoutSeconds: number;
}

/** The backup of one service. */
export function backupChange(plan: BackupPlan): Change {
  const { id, name, service } = plan.desired;
  const run = archiveName(service, plan.atMs);
  return { ...partsOf([plan], run), id, name, service, reasons: plan.reasons };
}

/** All of these at one instant: one stop, one snapshot of everything, one start, then the uploads in turn. */
export function togetherChange(plans: BackupPlan[], atMs: number): Change {
  const parts = partsOf(plans, `together-${instant(atMs)}`);
  const reasons = plans.flatMap((plan) => plan.reasons);
  return { ...parts, id: togetherId, name: 'together', service: null, reasons };
}

function partsOf(plans: BackupPlan[], run: string): Omit<Change, 'id' | 'name' | 'service' | 'reasons'> {
  const quiesced = plans.flatMap(quiescedContainers);
  const { steps, undo, mayFail, exclusive } = sequenceOf(plans, quiesced, run);
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
    background: { locks, exclusive },
  };
}

function sequenceOf(plans: BackupPlan[], quiesced: QuiescedContainer[], run: string) {
  const sequence = new Sequence();
  const snapshots = plans.flatMap(snapshotsOf);
  const before = hooksOf(plans, 'before').map((step) => sequence.add(step));
  const paused = ofMode(plans, 'pause', quiesced);
  const stopped = ofMode(plans, 'stop', quiesced);
  const patience = Math.max(...plans.map(({ healthTimeoutSeconds }) => healthTimeoutSeconds));
  const holds = [...stopSteps(stopped, patience), ...pauseSteps(paused)].map(({ hold, go }) => ({
    of: sequence.add(hold),
    go,
  }));
  const snapshot = sequence.add({ op: 'zfs-snapshot', snapshots, run, markers: plans.flatMap(markerOf) });
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

function pruneSteps({ desired, atMs, archives, pruneHeld = null, restored = null }: BackupPlan): Step[] {
  if (pruneHeld !== null) return [];
  return pruneOf(desired, archives, { name: archiveName(desired.service, atMs), atMs }, restored);
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

function quiescedContainers({ desired, containers }: BackupPlan): QuiescedContainer[] {
  const held = containers.filter((container) => isHeld(container, desired.quiesce));
  const byService = Map.groupBy(held, ({ service }) => service);
  return held.map((container) => quiescedContainer(container, byService)).sort(byName);
}

/** One that ends and is restarted again and again writes too: it can be stopped, and not paused. */
export function isHeld(
  { state, oneOff }: ObservedContainer,
  quiesce: DesiredBackup['quiesce'] | undefined,
): boolean {
  if (oneOff || quiesce === undefined || quiesce === 'none') return false;
  return state === 'running' || (state === 'restarting' && quiesce === 'stop');
}

export function quiescedContainer(
  { id, name, dependsOn }: ObservedContainer,
  byService: Map<string | null, ObservedContainer[]>,
): QuiescedContainer {
  const needs = Object.entries(dependsOn).flatMap(([service, condition]) =>
    (byService.get(service) ?? []).map((needed) => ({
      name: needed.name,
      healthy: condition === 'service_healthy',
    })),
  );
  return { id, name, needs };
}

export function byName(a: QuiescedContainer, b: QuiescedContainer): number {
  return a.name < b.name ? -1 : 1;
}

function ofMode(
  plans: BackupPlan[],
  mode: 'stop' | 'pause',
  quiesced: QuiescedContainer[],
): QuiescedContainer[] {
  const chosen = plans.filter(({ desired }) => desired.quiesce === mode);
  const ids = new Set(chosen.flatMap(({ containers }) => containers.map(({ id }) => id)));
  return quiesced.filter(({ id }) => ids.has(id));
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
    desired.hooks[when].flatMap((hook) => hookSteps(hook, containers)),
  );
}

/** Hooks of a container that does not run are left out: there is nothing to be flushed. */
function hookSteps({ container, argv, timeoutSeconds }: BackupHook, containers: ObservedContainer[]): Step[] {
  return containers
    .filter(({ service, state, oneOff }) => service === container && state === 'running' && !oneOff)
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
  const { repository, archive, at, mounts } = create;
  const whole = plan.desired.excludes.length === 0;
  return [create, { op: 'borg-manifest', repository, archive, at, mounts, whole }];
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
  const comment = `steward: ${datasets.map(({ name }) => name).join(' ')}`;
  const sources = { at: service, mounts, compression, excludes };
  const before = { repositoryId: plan.repositoryId, expected: expectedOf(plan) };
  return { op: 'borg-create', repository, archive, ...sources, comment, ...before };
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
