import { afterEach, beforeEach } from 'vitest';
import type { Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

/** A photo service with a database and hooks, backed up every night: what tests of backups begin with. */

export const dayMs = 86_400_000;
export const names = ['photo-db', 'photo-server'];

export const desired = build.desired([
  build.dataset('datapool/services', { setsMountpoint: true, service: null }),
  build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
  build.dataset('datapool/services/photo/database', { needs: ['zfs-dataset:datapool/services/photo'] }),
  build.stack('photo', { containers: [build.container('db'), build.container('server')] }),
  build.repository(),
  build.backup('photo', {
    hooks: {
      before: [{ container: 'db', argv: ['checkpoint'], timeoutSeconds: 60 }],
      after: [{ container: 'db', argv: ['go-on'], timeoutSeconds: 60 }],
    },
    datasets: [
      { name: 'datapool/services/photo', mountpoint: '/datapool/services/photo' },
      { name: 'datapool/services/photo/database', mountpoint: '/datapool/services/photo/database' },
    ],
  }),
]);

/** The lab of the test that runs: a new one for each. */
export let lab: LabRun;

beforeEach(async () => {
  lab = labRun(desired);
  await lab.cycle();
  lab.later(60_000);
});

afterEach(() => lab.end());

export async function running(): Promise<string[]> {
  const found = await lab.host.observer.observeContainers();
  if (!found.known) throw new Error(found.error);
  return found.value
    .filter(({ state }) => state === 'running')
    .map(({ name }) => name)
    .sort();
}

/** Also when all that was told to stop has had the time to end. */
export async function stillRunning(): Promise<string[]> {
  lab.later(600_000);
  return running();
}

export const archives = () => [...lab.host.state.archives.values()].map(({ name }) => name).sort();
export const snapshots = () => [...lab.host.state.snapshots.values()].map(({ name }) => name);
/** When the schedule wants an archive on the day of this instant. */
export const tickOf = (ms: number) => Math.floor(ms / dayMs) * dayMs + 2.5 * 3_600_000;
export const opsSince = (from: number) => lab.host.steps.slice(from).map(({ op }: Step) => op);

export async function aDayLater() {
  lab.later(dayMs);
  return lab.beside(await lab.cycle());
}

export function faultAt(op: Step['op'], after: StepFault['after'], how: StepFault['how']): void {
  lab.host.faults = { steps: [{ when: { op }, how, after }] };
}

/** Steps of a first backup, in their order. */
export const backupOps: Step['op'][] = [
  'borg-init',
  'container-exec',
  'containers-stop',
  'zfs-snapshot',
  'containers-start',
  'borg-create',
  'zfs-destroy-snapshots',
];
