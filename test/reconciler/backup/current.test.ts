import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ObservedContainer } from '../../../observers/types.ts';
import { backupChange } from '../../../reconciler/backup/change.ts';
import { isCurrent } from '../../../reconciler/backup/current.ts';
import type { Change } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

const desired = build.desired([
  build.dataset('datapool/services', { setsMountpoint: true, service: null }),
  build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
  build.stack('photo', { containers: [build.container('db'), build.container('server')] }),
  build.repository(),
  build.backup(),
]);
let lab: LabRun;

beforeEach(() => {
  lab = labRun(desired);
});
afterEach(() => lab.end());

async function planned(): Promise<Change[]> {
  await lab.cycle();
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  const { plan } = await lab.cycle({ dry: true, asked });
  return plan?.changes.filter(({ service }) => service === 'photo') ?? [];
}

async function look() {
  const found = await lab.host.observer.observeContainers();
  if (!found.known) throw new Error(found.error);
  return found.value;
}

const allCurrent = (changes: Change[], now: ObservedContainer[]) =>
  changes.every((each) => isCurrent(each, now));

it('a plan is as good as new while the same containers run', async () => {
  expect(allCurrent(await planned(), await look())).toBe(true);
});

it.each(['one was replaced', 'one was stopped', 'one came besides', 'all are gone'])(
  'it is not where %s',
  async (what) => {
    const changes = await planned();
    const [first, ...others] = await look();
    if (first === undefined) throw new Error('nothing runs');
    const now = {
      'one was replaced': [{ ...first, id: 'another' }, ...others],
      'one was stopped': [{ ...first, state: 'exited' as const }, ...others],
      'one came besides': [first, ...others, { ...first, id: 'third', name: 'photo-third' }],
      'all are gone': [],
    }[what];
    expect(allCurrent(changes, now ?? [])).toBe(false);
  },
);

it.each([
  ['stop', 'containers-stop', ['photo-db', 'photo-server']],
  // Docker cannot pause one that does not run at the moment.
  ['pause', 'containers-pause', ['photo-server']],
] as const)('%s holds one that is restarted again and again as it can', async (quiesce, op, held) => {
  await lab.cycle();
  const [db, ...others] = await look();
  if (db === undefined) throw new Error('nothing runs');
  const containers = [{ ...db, state: 'restarting' as const }, ...others];
  const backup = build.backup('photo', { quiesce });
  const change = backupChange({
    ...{ desired: backup, atMs: 0, byHand: false, containers, archives: [], repositoryId: null, reasons: [] },
    ...{ downtimeSeconds: 5, healthTimeoutSeconds: 60, numbers: { userns: null, group: null } },
  });
  const [step] = change.steps.filter((each) => each.op === op);
  expect(step !== undefined && 'containers' in step && step.containers.map(({ name }) => name)).toEqual(held);
  expect(isCurrent(change, containers)).toBe(true);
  expect(isCurrent(change, [db, ...others])).toBe(quiesce === 'stop');
});

it('it is not where nothing ran, and something does now', async () => {
  await lab.cycle();
  const all = await look();
  for (const { id } of all) lab.host.state.containers.delete(id);
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  const { plan } = await lab.cycle({ dry: true, asked });
  const changes = plan?.changes.filter(({ id }) => id === 'backup:photo') ?? [];
  expect(changes).toHaveLength(1);
  expect(allCurrent(changes, [])).toBe(true);
  expect(allCurrent(changes, all)).toBe(false);
});
