import type { DesiredBackup, DesiredStack } from '../../../desired-state/types.ts';
import type { SnapshottedDataset } from '../../../observers/snapshots-parse.ts';
import { gateOf } from '../../../reconciler/kinds/compose-stack.ts';
import { type RestorePlan, restoreChange, undoRestoreChange } from '../../../reconciler/restore/change.ts';
import { runRestore } from '../../../reconciler/restore/run.ts';
import { safetySnapshots } from '../../../reconciler/restore/safety.ts';
import { rollbackChange } from '../../../reconciler/snapshots/rollback.ts';
import type { Change, Outcome } from '../../../reconciler/types.ts';
import { writeMarker } from '../../../simulator/file-tree.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

/** A service with a database on a dataset of its own, an archive of it, and other data since. */

export const photo = 'datapool/services/photo';
const database = `${photo}/database`;

const desired = build.desired([
  build.dataset('datapool/services', { setsMountpoint: true, service: null }),
  build.dataset(photo, { needs: ['zfs-dataset:datapool/services'] }),
  build.dataset(database, { needs: [`zfs-dataset:${photo}`] }),
  build.stack('photo', {
    needs: [`zfs-dataset:${photo}`, `zfs-dataset:${database}`],
    containers: [build.container('db'), build.container('server')],
  }),
  build.repository(),
  build.backup('photo', {
    schedule: null,
    datasets: [photo, database].map((name) => ({ name, mountpoint: `/${name}` })),
  }),
]);
const backup = desired.resources.find(({ kind }) => kind === 'backup') as DesiredBackup;
const stack = desired.resources.find(({ kind }) => kind === 'compose-stack') as DesiredStack;

export interface RestoreLab extends LabRun {
  /** What the health gate will say. */
  unhealthy: string | null;
  /** Somebody else has the lock. */
  busy: boolean;
  /** Once it is alone with the repository. */
  begin: () => void;
  restore(over?: Partial<RestorePlan>): Promise<Outcome>;
  /** To a snapshot by hand; `location` null: of a service without a backup. */
  rollback(tag: string, location?: string | null): Promise<Outcome>;
  /** Null where there is nothing to go back to. */
  undo(): Promise<Outcome | null>;
  /** `database:/rows`, sorted. */
  data(): string[];
  running(): Promise<string[]>;
  /** Tags. */
  kept(): string[];
}

export async function restoreLab(): Promise<RestoreLab> {
  const lab = labRun(desired);
  await lab.cycle();
  for (const path of ['picture-1', 'picture-2', 'database/rows']) lab.host.writeData(`/${photo}/${path}`);
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  await lab.beside(await lab.cycle({ dry: true, asked }));
  const [archive] = [...lab.host.state.archives.values()];
  lab.host.state.paths.delete(`${photo}:/picture-2`);
  for (const path of ['picture-3', 'database/rows-since']) writeMarker(lab.host.state, `/${photo}/${path}`);
  lab.later(60_000);
  return withRestore(lab, archive?.name ?? '');
}

function withRestore(lab: LabRun, archive: string): RestoreLab {
  const parts = async () => ({
    desired: backup,
    atMs: lab.now(),
    containers: await containersOf(lab),
    gate: gateOf(stack),
  });
  const run = (change: Change) =>
    runRestore(change, build.commit.id, {
      ...lab.besides(),
      ...(own.busy ? { tryLock: () => ({ ok: false as const, holder: null }) } : {}),
      gate: async () => own.unhealthy,
      begin: own.begin,
    });
  const found = () => safetySnapshots(snapshotted(lab));
  const own: RestoreLab = {
    ...lab,
    unhealthy: null,
    busy: false,
    begin: () => {},
    restore: async (over = {}) =>
      run(
        restoreChange({
          ...(await parts()),
          archive,
          paths: [],
          owners: { owners: null },
          ...over,
        }),
      ),
    async rollback(tag, location = backup.repository.location) {
      const datasets = snapshotted(lab);
      const { containers, atMs } = await parts();
      return run(
        rollbackChange({
          ...{ service: 'photo', project: 'photo', datasets, tag, atMs, containers, location },
          healthTimeoutSeconds: 180,
        }),
      );
    },
    async undo() {
      const change = undoRestoreChange({ ...(await parts()), kept: found() });
      return change === null ? null : await run(change);
    },
    data: () => lab.host.data().map((each) => each.slice(each.lastIndexOf('/', each.indexOf(':')) + 1)),
    running: async () =>
      (await containersOf(lab))
        .filter(({ state }) => state === 'running')
        .map(nameOf)
        .sort(),
    kept: () => found().map(({ tag }) => tag),
  };
  return own;
}

function nameOf({ name }: { name: string }): string {
  return name;
}

async function containersOf(lab: LabRun) {
  const found = await lab.host.observer.observeContainers();
  if (!found.known) throw new Error(found.error);
  return found.value;
}

/** As ZFS would tell of them. */
function snapshotted(lab: LabRun): SnapshottedDataset[] {
  return backup.datasets.map(({ name, mountpoint }) => {
    const own = [...lab.host.state.snapshots.values()].filter((each) => each.name.startsWith(`${name}@`));
    const snapshots = own.map((each, index) => ({
      ...{ name: each.name, guid: each.name, createdMs: each.atMs, createdTxg: String(index) },
      ...{ usedBytes: 0, referencedBytes: 0, holds: 0, clones: [] },
      marks: { 'steward:run': { value: each.run, source: 'local' as const } },
    }));
    return { name, guid: name, mounted: true, mountpoint, snapshots };
  });
}
