import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../../reconciler/state/history.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import * as build from '../../support/build.ts';
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
const safetyTag = () => safeties()[0]?.name.split('@')[1] ?? '';
const wayBack = () =>
  `what photo was before is in ${safetyTag()}; steward snapshot rollback photo ${safetyTag()} goes back to it`;

/** Within a rollback; then it is started again. */
async function dies(location?: string | null): Promise<void> {
  await Promise.race([lab.rollback('good', location), lab.host.crashed]);
  lab.restart();
}

async function expectWhole(...either: string[][]): Promise<void> {
  expect(either).toContainEqual(lab.data());
  expect(await lab.running()).toEqual(names);
  // Nor does one end later, because it was told to stop by a run that has died.
  lab.later(600_000);
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
  await lab.rollback(safetyTag());
  await expectWhole(since);
});

it('names the safety snapshot and the way back to it, done or not', async () => {
  expect(await lab.rollback('good')).toMatchObject({ result: 'applied', notes: [wayBack()] });
  lab.host.state.snapshots.delete(`${photo}@${safetyTag()}`);
  lab.host.state.snapshots.delete(`${photo}/database@${safetyTag()}`);
  lab.later(60_000);
  faultAt({ op: 'files-restore' }, 'half', 'fail');
  expect(await lab.rollback('good')).toMatchObject({ result: 'failed', notes: [wayBack()] });
});

it('is in the history, with what it was, what it became, and the commit', async () => {
  await lab.rollback('good');
  const [entry] = readHistory(lab.store(), 'backup:photo/restore');
  expect(entry).toMatchObject({ commit: build.commit.id, result: 'applied', error: null });
  expect(entry?.reasons).toMatchObject([{ field: 'data', from: safetyTag(), to: 'good' }]);
});

it('of a service that is down does not start it', async () => {
  for (const name of names) lab.host.drift({ drift: 'killContainer', name });
  const before = lab.host.steps.length;
  expect(await lab.rollback('good')).toMatchObject({ result: 'applied', notes: [wayBack()] });
  expect(lab.host.steps.slice(before).map(({ op }) => op)).toEqual([
    'snapshot-by-hand',
    'files-restore',
    'files-restore',
  ]);
  expect(await lab.running()).toEqual([]);
  expect(lab.data()).toEqual(atTag);
});

it('does nothing while somebody else is at work on the repository', async () => {
  const before = lab.host.steps.length;
  lab.busy = true;
  expect(await lab.rollback('good')).toMatchObject({ result: 'skipped' });
  expect(lab.host.steps.length).toBe(before);
});

it('a service that is not well on it is told with the way back, and keeps it', async () => {
  lab.unhealthy = 'photo-db is unhealthy';
  expect(await lab.rollback('good')).toMatchObject({
    result: 'failed',
    error: 'photo-db is unhealthy; what was brought back stays',
    notes: [wayBack()],
  });
  await expectWhole(atTag);
});

type When = { op: Step['op']; dataset?: string };
type Place = [string, StepFault['after'], When];

const steps: [string, When][] = [
  ['containers-stop', { op: 'containers-stop' }],
  ['snapshot-by-hand', { op: 'snapshot-by-hand' }],
  ['files-restore', { op: 'files-restore' }],
  ['files-restore of the second dataset', { op: 'files-restore', dataset: `${photo}/database` }],
  ['containers-start', { op: 'containers-start' }],
];
const placesOf = (chosen: [string, When][]) =>
  chosen.flatMap(([name, when]) =>
    (['nothing', 'half', 'all'] as const).map((after): Place => [name, after, when]),
  );
const isStart = ([, { op }]: [string, When]) => op === 'containers-start';
/** Until the last file is back. */
const before = placesOf(steps.filter((step) => !isStart(step)));
const after = placesOf(steps.filter(isStart));

function faultAt({ op, dataset }: When, after: StepFault['after'], how: StepFault['how'], times = 1): void {
  const matches = (step: Step) =>
    dataset === undefined || (step.op === 'files-restore' && step.guard.dataset === dataset);
  lab.host.faults = { steps: [{ when: { op, matches }, how, after, times }] };
}

describe('where a step fails', () => {
  it.each(before)('at %s with %s of it done, what was before is back', async (_name, after, when) => {
    faultAt(when, after, 'fail');
    expect(await lab.rollback('good')).toMatchObject({ result: 'failed' });
    await expectWhole(since);
  });

  it.each(after)('at %s with %s of it done, it is started on what it has', async (_name, after, when) => {
    faultAt(when, after, 'fail');
    const outcome = await lab.rollback('good');
    expect(outcome).toMatchObject({ result: 'failed', notes: [wayBack()] });
    expect(outcome.error).toContain('what was brought back stays');
    await expectWhole(atTag);
  });

  it('for good at the start, cycles mend what is whole', async () => {
    faultAt({ op: 'containers-start' }, 'nothing', 'fail', 2);
    await lab.rollback('good');
    expect(await lab.running()).toEqual([]);
    await lab.cycle();
    await lab.settleRuns();
    await expectWhole(atTag);
  });

  it('at the start, and the next one dies, nothing starts on a mixture for what the first has left', async () => {
    faultAt({ op: 'containers-start' }, 'nothing', 'fail', 2);
    await lab.rollback('good');
    const database = `${photo}/database`;
    lab.later(60_000);
    faultAt({ op: 'files-restore', dataset: database }, 'half', 'freeze');
    await dies();
    faultAt({ op: 'files-restore', dataset: database }, 'nothing', 'fail');
    await lab.settleRuns();
    expect(await lab.running()).toEqual([]);
    await lab.settleRuns();
    await expectWhole(atTag);
  });

  it('since the way back cannot be exchanged for the start, it is gone', async () => {
    const { db } = lab.store();
    db.exec(
      "CREATE TRIGGER full BEFORE INSERT ON undo WHEN NEW.position >= 0 BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    await expect(lab.rollback('good')).rejects.toThrow('full');
    db.exec('DROP TRIGGER full');
    await expectWhole(since);
  });

  it('and on the way back too, nothing runs on a mixture until that can be done', async () => {
    faultAt({ op: 'files-restore', dataset: `${photo}/database` }, 'half', 'fail', 3);
    await lab.rollback('good');
    const [settled] = await lab.settleRuns();
    expect(settled?.failed).toHaveLength(1);
    expect((await lab.cycle()).plan?.changes).toEqual([]);
    expect(await lab.running()).toEqual([]);
    await lab.settleRuns();
    await expectWhole(since);
  });
});

describe('where the process dies', () => {
  it.each(before)('at %s with %s of it done, what was before is back', async (_name, after, when) => {
    faultAt(when, after, 'freeze');
    await dies();
    await lab.settleRuns();
    await expectWhole(since);
  });

  it.each(after)('at %s with %s of it done, the next one ends it', async (_name, after, when) => {
    faultAt(when, after, 'freeze');
    await dies();
    await lab.settleRuns();
    await expectWhole(atTag);
  });

  it.each([...before, ...after])(
    'of a service without a backup, at %s with %s of it done, no less',
    async (_name, howFar, when) => {
      faultAt(when, howFar, 'freeze');
      await dies(null);
      await lab.settleRuns();
      await expectWhole(when.op === 'containers-start' ? atTag : since);
    },
  );

  it.each(['files-restore', 'containers-start'] as const)(
    'in %s, the next one says where what was before is',
    async (op) => {
      faultAt({ op }, 'half', 'freeze');
      await dies();
      const [settled] = await lab.settleRuns();
      expect(new Set(settled?.notes)).toEqual(new Set([wayBack()]));
    },
  );

  it.each(placesOf(steps.filter(([, { op }]) => op === 'files-restore')))(
    'again on the way back, at %s with %s of it done, the next one ends it',
    async (_name, after, when) => {
      faultAt({ op: 'files-restore' }, 'half', 'freeze');
      await dies();
      faultAt(when, after, 'freeze');
      await Promise.race([lab.settleRuns(), lab.host.crashed]);
      lab.restart();
      await lab.settleRuns();
      await expectWhole(since);
    },
  );

  it('no cycle touches the service before it is put right', async () => {
    faultAt({ op: 'files-restore' }, 'half', 'freeze');
    await dies();
    const { plan } = await lab.cycle();
    expect(plan?.changes).toEqual([]);
    expect(await lab.running()).toEqual([]);
  });
});
