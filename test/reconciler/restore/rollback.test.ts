import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import { photo, type RestoreLab, restoreLab } from './lab.ts';

let lab: RestoreLab;

const names = ['photo-db', 'photo-server'];
const atTag = ['database:/rows', 'database:/rows-since', 'photo:/picture-1', 'photo:/picture-3'];
const since = [...atTag, 'photo:/picture-4'];

beforeEach(async () => {
  lab = await restoreLab();
  const datasets = [photo, `${photo}/database`].map((name) => ({ name, guid: name }));
  await lab.host.executor.execute({ op: 'snapshot-by-hand', datasets, tag: 'good' }, {});
  lab.host.writeData(`/${photo}/picture-4`);
});
afterEach(() => lab.end());

const safeties = () =>
  [...lab.host.state.snapshots.values()].filter(({ name }) => name.includes('@before-rollback-'));

async function expectWhole(...either: string[][]): Promise<void> {
  expect(either).toContainEqual(lab.data());
  expect(await lab.running()).toEqual(names);
  expect(readUndo(lab.store())).toEqual([]);
  expect((await lab.cycle()).plan?.blocked).toEqual([]);
}

it('stops, keeps, brings back and starts, in this order', async () => {
  const before = lab.host.steps.length;
  expect(await lab.rollback('good')).toMatchObject({ result: 'applied', error: null });
  const ops = ['containers-stop', 'snapshot-by-hand', 'files-restore', 'files-restore', 'containers-start'];
  expect(lab.host.steps.slice(before).map(({ op }) => op)).toEqual(ops);
  await expectWhole(atTag);
  expect(safeties()).toHaveLength(2);
});

it('is gone back from with the safety snapshot', async () => {
  await lab.rollback('good');
  lab.later(60_000);
  await lab.rollback(safeties()[0]?.name.split('@')[1] ?? '');
  await expectWhole(since);
});

it('a service that is not well on it gets back what it had', async () => {
  lab.unhealthy = 'photo-db is unhealthy';
  expect(await lab.rollback('good')).toMatchObject({
    result: 'failed',
    error: 'photo-db is unhealthy; what was there before is back',
  });
  await expectWhole(since);
});

const ops: Step['op'][] = ['containers-stop', 'snapshot-by-hand', 'files-restore', 'containers-start'];
const places = ops.flatMap((op) =>
  (['nothing', 'half', 'all'] as const).map((after) => [op, after] as const),
);

function faultAt(op: Step['op'], after: StepFault['after'], how: StepFault['how']): void {
  lab.host.faults = { steps: [{ when: { op }, how, after, times: 1 }] };
}

describe('where a step fails', () => {
  it.each(places)('at %s with %s of it done, what was before is back', async (op, after) => {
    faultAt(op, after, 'fail');
    expect(await lab.rollback('good')).toMatchObject({ result: 'failed' });
    await expectWhole(since);
  });
});

describe('where the process dies', () => {
  it.each(places)('at %s with %s of it done, what was before is back', async (op, after) => {
    faultAt(op, after, 'freeze');
    await Promise.race([lab.rollback('good'), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
    await expectWhole(since);
  });

  it.each(places.filter(([op]) => op === 'files-restore'))(
    'again on the way back, at %s with %s of it done, the next one ends it',
    async (op, after) => {
      faultAt(op, 'half', 'freeze');
      await Promise.race([lab.rollback('good'), lab.host.crashed]);
      lab.restart();
      faultAt(op, after, 'freeze');
      await Promise.race([lab.settleRuns(), lab.host.crashed]);
      lab.restart();
      await lab.settleRuns();
      await expectWhole(since);
    },
  );

  it('no cycle touches the service before it is put right', async () => {
    faultAt('files-restore', 'half', 'freeze');
    await Promise.race([lab.rollback('good'), lab.host.crashed]);
    lab.restart();
    const { plan } = await lab.cycle();
    expect(plan?.changes).toEqual([]);
    expect(await lab.running()).toEqual([]);
  });
});
