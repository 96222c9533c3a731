import { afterEach, beforeEach, expect, it } from 'vitest';
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

it('a plan is as good as new while the same containers run', async () => {
  expect(isCurrent(await planned(), desired.resources, await look())).toBe(true);
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
    expect(isCurrent(changes, desired.resources, now ?? [])).toBe(false);
  },
);

it('it is not where nothing ran, and something does now', async () => {
  await lab.cycle();
  const all = await look();
  for (const { id } of all) lab.host.state.containers.delete(id);
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  const { plan } = await lab.cycle({ dry: true, asked });
  const changes = plan?.changes.filter(({ id }) => id === 'backup:photo') ?? [];
  expect(changes).toHaveLength(1);
  expect(isCurrent(changes, desired.resources, [])).toBe(true);
  expect(isCurrent(changes, desired.resources, all)).toBe(false);
});
