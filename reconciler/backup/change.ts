import type { BackupHook, DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { ArchiveRecord } from '../state/backups.ts';
import { repositoryLock } from '../state/lock.ts';
import type { Change, QuiescedContainer, Reason, Step } from '../types.ts';
import { archiveName, snapshotName, stamp } from './names.ts';
import { pruneOf } from './prune.ts';

/**
 * One backup as a change: the containers stop, one atomic snapshot is taken, they start again, and the upload reads
 * the snapshot. What must be put right after a crash is part of it as data.
 */
export interface BackupPlan {
  desired: DesiredBackup;
  /** What the archive stands for: the tick, or the moment that a person asked for. */
  atMs: number;
  /** Of its compose project, as observed. */
  containers: ObservedContainer[];
  /** Newest first. */
  archives: ArchiveRecord[];
  reasons: Reason[];
  /** Expected, from the last time. */
  downtimeSeconds: number;
}

export function backupChange(plan: BackupPlan): Change {
  const { desired, atMs } = plan;
  const run = archiveName(desired.service, atMs);
  const snapshots = desired.datasets.map(({ name }) => snapshotName(name, atMs));
  const quiesced = quiescedContainers(plan);
  const steps = new Sequence();
  const hooks = hookSteps(plan);
  const first = steps.next;
  const before = hooks.before.map((step) => steps.add(step));
  const stop = quiesced.length === 0 ? null : steps.add(quiesce(desired, quiesced));
  const snapshot = steps.add({ op: 'zfs-snapshot', snapshots, run, marker: markerOf(desired) });
  if (stop !== null) steps.settle(stop, steps.add(resume(desired, quiesced)));
  const last = steps.next - 1;
  for (const step of hooks.after) steps.settle(before[0] ?? snapshot, steps.add(step));
  steps.add(createStep(desired, run, snapshots));
  steps.settle(snapshot, steps.add({ op: 'zfs-destroy-snapshots', snapshots, run }));
  for (const step of pruneOf(desired, plan.archives, { name: run, atMs })) steps.add(step);
  return {
    verb: 'run',
    kind: 'backup',
    id: desired.id,
    name: desired.name,
    service: desired.service,
    summary: summaryOf(desired, quiesced),
    reasons: plan.reasons,
    needs: desired.needs.filter((id) => !id.startsWith('compose-stack:')),
    disruption: disruptionOf(desired, quiesced, plan.downtimeSeconds),
    steps: steps.steps,
    undo: steps.undo,
    background: { locks: [repositoryLock(desired.repository.location)], exclusive: { first, last } },
  };
}

class Sequence {
  readonly steps: Step[] = [];
  readonly undo: { of: number; by: number }[] = [];
  get next(): number {
    return this.steps.length;
  }
  add(step: Step): number {
    this.steps.push(step);
    return this.steps.length - 1;
  }
  settle(of: number, by: number): void {
    this.undo.push({ of, by });
  }
}

function quiescedContainers({ desired, containers }: BackupPlan): QuiescedContainer[] {
  if (desired.quiesce === 'none') return [];
  const running = containers.filter(({ state, oneOff }) => state === 'running' && !oneOff);
  const namesOf = new Map([...Map.groupBy(running, ({ service }) => service)]);
  return running
    .map(({ id, name, dependsOn }) => ({
      id,
      name,
      needs: Object.entries(dependsOn).flatMap(([service, condition]) =>
        (namesOf.get(service) ?? []).map((needed) => ({
          name: needed.name,
          healthy: condition === 'service_healthy',
        })),
      ),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function quiesce({ quiesce: how }: DesiredBackup, containers: QuiescedContainer[]): Step {
  return { op: how === 'pause' ? 'containers-pause' : 'containers-stop', containers };
}

function resume({ quiesce: how }: DesiredBackup, containers: QuiescedContainer[]): Step {
  return { op: how === 'pause' ? 'containers-unpause' : 'containers-start', containers };
}

/** Hooks of a container that does not run are left out: there is nothing to be flushed. */
function hookSteps({ desired, containers }: BackupPlan): { before: Step[]; after: Step[] } {
  const stepsOf = (hooks: BackupHook[]): Step[] =>
    hooks.flatMap(({ container, argv, timeoutSeconds }) =>
      containers
        .filter(({ service, state, oneOff }) => service === container && state === 'running' && !oneOff)
        .map(({ id, name }): Step => ({ op: 'container-exec', id, name, argv, timeoutSeconds })),
    );
  return { before: stepsOf(desired.hooks.before), after: stepsOf(desired.hooks.after) };
}

function markerOf({ datasets }: DesiredBackup): Extract<Step, { op: 'zfs-snapshot' }>['marker'] {
  const [root] = datasets;
  if (root === undefined) return null;
  const guard = { dataset: root.name, mountpoint: root.mountpoint };
  return { path: `${root.mountpoint}/.steward-backup`, guard };
}

function createStep(desired: DesiredBackup, archive: string, snapshots: string[]): Step {
  const root = desired.datasets[0]?.mountpoint ?? '';
  const mounts = desired.datasets.map(({ mountpoint }, index) => ({
    snapshot: snapshots[index] ?? '',
    below: mountpoint.slice(root.length).replace(/^\//, ''),
  }));
  const { repository, compression, excludes, service } = desired;
  const comment = `steward: ${desired.datasets.map(({ name }) => name).join(' ')}`;
  return { op: 'borg-create', repository, archive, at: service, mounts, compression, excludes, comment };
}

function summaryOf(desired: DesiredBackup, quiesced: QuiescedContainer[]): string {
  if (quiesced.length === 0) return 'archive of a snapshot, nothing stops';
  const what = quiesced.length === 1 ? '1 container' : `${quiesced.length} containers`;
  return `${desired.quiesce === 'pause' ? 'pauses' : 'stops'} ${what} for a snapshot`;
}

function disruptionOf(
  { quiesce: how }: DesiredBackup,
  quiesced: QuiescedContainer[],
  seconds: number,
): Change['disruption'] {
  if (quiesced.length === 0) return { level: 'none', seconds: 0, containers: [] };
  return {
    level: how === 'pause' ? 'reload' : 'restart',
    seconds,
    containers: quiesced.map(({ name }) => name),
  };
}

export function tickReason(
  desired: DesiredBackup,
  tickMs: number,
  lastMs: number | null,
  note: string,
): Reason {
  const from = lastMs === null ? null : stamp(lastMs);
  return { field: 'archive', from, to: stamp(tickMs), note, origin: desired.origin };
}
