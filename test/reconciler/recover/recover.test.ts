import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredBackup } from '../../../desired-state/types.ts';
import { StepError } from '../../../reconciler/apply/types.ts';
import type { BackgroundDeps } from '../../../reconciler/background.ts';
import { numbersHere } from '../../../reconciler/owners/numbers.ts';
import { recoverable } from '../../../reconciler/recover/change.ts';
import { recoverService } from '../../../reconciler/recover/run.ts';
import { type Recovery, readRecoveries, writeRecovery } from '../../../reconciler/state/recovery.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import { BorgError } from '../../../tools/borg/types.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

const photo = 'datapool/services/photo';
const database = `${photo}/database`;

const desired = build.desired([
  build.dataset('datapool/services', { setsMountpoint: true, service: null }),
  build.dataset(photo, { needs: ['zfs-dataset:datapool/services'] }),
  build.dataset(database, { needs: [`zfs-dataset:${photo}`] }),
  build.stack('photo', { containers: [build.container('app')] }),
  build.repository(),
  build.backup('photo', {
    schedule: null,
    datasets: [photo, database].map((name) => ({ name, mountpoint: `/${name}` })),
  }),
]);
const backup = desired.resources.find(({ kind }) => kind === 'backup') as DesiredBackup;

let before: LabRun;
let bare: LabRun;

/** A server with two archives, and a new one with nothing but its pool that reaches the same repository. */
beforeEach(async () => {
  before = labRun(desired);
  await before.cycle();
  for (const path of ['picture-1', 'database/rows']) {
    before.host.writeData(`/${photo}/${path}`);
    const asked = { services: ['photo'], atMs: before.now(), together: false };
    await before.beside(await before.cycle({ dry: true, asked }));
    before.later(60_000);
  }
  bare = labRun(desired);
  for (const table of ['repositories', 'archives'] as const)
    for (const [key, value] of before.host.state[table].entries())
      bare.host.state[table].set(key, value as never);
  writeRecovery(bare.store(), waiting);
});
afterEach(() => {
  before.end();
  bare.end();
});

const waiting: Recovery = {
  ...{ service: 'photo', phase: 'waiting', archive: null, atMs: null, note: null, updatedMs: 0 },
};
const newest = ['database:/rows', 'photo:/picture-1'];
const candidates = () => recoverable(backup, [...bare.host.state.archives.values()]);
const recovery = () => readRecoveries(bare.store())[0];

function recover(over: Partial<BackgroundDeps> = {}) {
  const known = recovery() ?? waiting;
  return recoverService(backup, known, candidates(), build.commit.id, {
    ...bare.besides(),
    numbersHere: async () => numbersHere(await bare.host.observer.observe({ paths: [] }), desired, backup),
    ...over,
  });
}

function data(): string[] {
  return bare.host
    .data()
    .filter((each) => !each.includes('written-by'))
    .map((each) => each.slice(each.lastIndexOf('/', each.indexOf(':')) + 1));
}

async function running(): Promise<number> {
  const found = await bare.host.observer.observeContainers();
  return found.known ? found.value.length : -1;
}

/** As Borg ends where an archive cannot be read. */
const damaged: BackgroundDeps['executor'] = {
  async execute(step, options) {
    if (step.op !== 'borg-extract' || step.archive !== candidates()[0]?.name)
      return await bare.host.executor.execute(step, options);
    await bare.host.executor.execute({ ...step, archive: candidates()[1]?.name ?? '' }, options);
    bare.host.writeData(`/${photo}/half`);
    const cause = new BorgError('data is damaged', { exitCode: 90 });
    throw new StepError(cause.message, { cause });
  },
};

describe('a service that waits for its data', () => {
  it('gets its datasets, and is neither started nor backed up', async () => {
    const cycle = await bare.cycle();
    expect(cycle.plan?.blocked.map(({ id }) => id).sort()).toEqual([
      'backup:photo',
      `borg-repository:${photo}`,
      'compose-stack:photo',
    ]);
    expect([...bare.host.state.datasets.values()].map(({ name }) => name)).toContain(database);
    expect(await running()).toBe(0);
  });

  it('starts on the newest archive', async () => {
    await bare.cycle();
    expect(await recover()).toMatchObject({ result: 'applied' });
    expect(data()).toEqual(newest);
    expect(recovery()).toMatchObject({ phase: 'restored', archive: candidates()[0]?.name, note: null });
    await bare.cycle();
    expect(await running()).toBe(1);
    expect((await bare.cycle()).plan?.blocked).toEqual([]);
  });

  it('gets a dataset again that is known to have been there', async () => {
    bare.end();
    bare = labRun(desired);
    await bare.cycle();
    for (const { name } of [...bare.host.state.datasets.values()])
      if (name.startsWith('datapool/')) bare.host.state.datasets.delete(name);
    writeRecovery(bare.store(), waiting);
    const { plan } = await bare.cycle({ dry: true });
    expect(plan?.changes.map(({ id }) => id)).toEqual([
      'zfs-dataset:datapool/services',
      `zfs-dataset:${photo}`,
      `zfs-dataset:${database}`,
    ]);
  });

  it('takes the archive before where the newest is damaged, with nothing of that left, and says so', async () => {
    await bare.cycle();
    expect(await recover({ executor: damaged })).toMatchObject({ result: 'applied' });
    const [first, second] = candidates();
    expect(recovery()).toMatchObject({ phase: 'restored', archive: second?.name });
    expect(recovery()?.note).toBe(`${first?.name} is damaged (data is damaged)`);
    expect(data()).toEqual(['photo:/picture-1']);
  });

  it('does not take an older one for a connection that broke', async () => {
    await bare.cycle();
    bare.host.faults = {
      steps: [{ when: { op: 'borg-extract' }, how: 'fail', after: 'half', message: 'cut' }],
    };
    expect(await recover()).toMatchObject({ result: 'failed' });
    expect(recovery()).toMatchObject({ phase: 'restoring', archive: candidates()[0]?.name, note: 'cut' });
    await bare.cycle();
    expect(await running()).toBe(0);
    await recover();
    expect(data()).toEqual(newest);
  });

  it('is not written over where somebody has put data there', async () => {
    await bare.cycle();
    bare.host.writeData(`/${database}/mine`);
    expect(await recover()).toMatchObject({ result: 'failed' });
    expect(recovery()).toMatchObject({ phase: 'waiting' });
    expect(recovery()?.note).toContain('holds data already');
    expect(data()).toEqual(['database:/mine']);
  });

  it.each<[StepFault['after'], StepFault['how']]>(
    (['nothing', 'half', 'all'] as const).flatMap((after) =>
      (['die', 'freeze'] as const).map((how): [StepFault['after'], StepFault['how']] => [after, how]),
    ),
  )('goes on after a process that was gone with %s of it written (%s)', async (after, how) => {
    await bare.cycle();
    bare.host.faults = { steps: [{ when: { op: 'borg-extract' }, how, after }] };
    await Promise.race([recover(), bare.host.crashed]).catch(() => {});
    bare.restart();
    bare.host.faults = {};
    await bare.cycle();
    expect(await running()).toBe(0);
    expect(await recover()).toMatchObject({ result: 'applied' });
    expect(data()).toEqual(newest);
    await bare.cycle();
    expect(await running()).toBe(1);
  });
});
