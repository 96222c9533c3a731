import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import { photo, type RestoreLab, restoreLab } from './lab.ts';

let lab: RestoreLab;

beforeEach(async () => {
  lab = await restoreLab();
});

afterEach(() => lab.end());

const names = ['photo-db', 'photo-server'];
const archived = ['database:/rows', 'photo:/picture-1', 'photo:/picture-2'];
const newer = ['database:/rows', 'database:/rows-since', 'photo:/picture-1', 'photo:/picture-3'];
const where = ['nothing', 'half', 'all'] as const;
const ops: Step['op'][] = [
  'borg-find',
  'containers-stop',
  'zfs-snapshot',
  'borg-extract',
  'containers-start',
];
const places = ops.flatMap((op) => where.map((after) => [op, after] as const));

function faultAt(op: Step['op'], after: StepFault['after'], how: StepFault['how'], times = 1): void {
  lab.host.faults = { steps: [{ when: { op }, how, after, times }] };
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

describe('a restore', () => {
  it('looks, stops, keeps, extracts and starts, in this order', async () => {
    const before = lab.host.steps.length;
    const outcome = await lab.restore();
    expect(outcome).toMatchObject({ result: 'applied', error: null });
    expect(lab.host.steps.slice(before).map(({ op }) => op)).toEqual(ops);
    await expectWhole(archived);
    expect(lab.kept()).toHaveLength(1);
  });

  it('that is not to be done after all is not begun, and leaves the repository to others', async () => {
    const before = lab.host.steps.length;
    lab.begin = () => {
      throw new Error('somebody was faster');
    };
    await expect(lab.restore()).rejects.toThrow('somebody was faster');
    expect(lab.host.steps.length).toBe(before);
    lab.begin = () => {};
    expect(await lab.restore()).toMatchObject({ result: 'applied' });
  });

  it('of one path leaves the rest as it is', async () => {
    await lab.restore({ paths: ['database'] });
    await expectWhole(['database:/rows', 'photo:/picture-1', 'photo:/picture-3']);
  });

  it('is undone by going back to what it has kept, of which nothing is left then', async () => {
    await lab.restore();
    expect(await lab.undo()).toMatchObject({ result: 'applied' });
    await expectWhole(newer);
    expect(lab.kept()).toEqual([]);
    expect(await lab.undo()).toBeNull();
  });

  it('keeps what an earlier one has kept, and one undo after the other leads back to that', async () => {
    await lab.restore();
    const [first] = lab.kept();
    lab.later(60_000);
    lab.host.writeData(`/${photo}/picture-4`);
    await lab.restore({ paths: ['picture-2'] });
    expect(lab.kept()).toEqual([expect.not.stringMatching(first ?? ''), first]);
    lab.later(60_000);
    expect(await lab.undo()).toMatchObject({ result: 'applied' });
    await expectWhole([...archived, 'photo:/picture-4']);
    expect(lab.kept()).toEqual([first]);
    expect(await lab.undo()).toMatchObject({ result: 'applied' });
    await expectWhole(newer);
    expect(lab.kept()).toEqual([]);
  });

  it('that fails, or whose process dies, keeps what an earlier one has kept', async () => {
    await lab.restore();
    const [first] = lab.kept();
    lab.later(60_000);
    faultAt('borg-extract', 'half', 'fail');
    expect(await lab.restore()).toMatchObject({ result: 'failed' });
    expect(lab.kept()).toEqual([first]);
    lab.later(60_000);
    faultAt('containers-start', 'half', 'freeze');
    await Promise.race([lab.restore(), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
    await expectWhole(archived);
    expect(lab.kept()).toEqual([first]);
  });

  it('that does not make the service healthy goes back by itself, and says why', async () => {
    lab.unhealthy = 'photo-db is unhealthy';
    const outcome = await lab.restore();
    expect(outcome).toMatchObject({
      result: 'failed',
      error: 'photo-db is unhealthy; what was there before is back',
    });
    await expectWhole(newer);
    expect(lab.kept()).toEqual([]);
  });

  it('of a service that is down does not start it', async () => {
    for (const name of names) lab.host.drift({ drift: 'killContainer', name });
    await lab.restore();
    expect(await lab.running()).toEqual([]);
    expect(lab.data()).toEqual(archived);
  });
});

describe('when the process dies', () => {
  it.each(places)('at %s with %s of it done, what was before is back', async (op, after) => {
    faultAt(op, after, 'freeze');
    await Promise.race([lab.restore(), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
    await expectWhole(newer);
    expect(lab.kept()).toEqual([]);
  });

  it('and a container is gone for good, that is told, and the way back is gone to its end', async () => {
    faultAt('borg-extract', 'half', 'freeze');
    await Promise.race([lab.restore(), lab.host.crashed]);
    lab.restart();
    lab.host.drift({ drift: 'removeContainer', name: 'photo-db' });
    const [settled] = await lab.settleRuns();
    expect(settled?.notes).toEqual(['container photo-db was not started: it is gone']);
    expect(readUndo(lab.store())).toEqual([]);
    expect(lab.kept()).toEqual([]);
    await lab.cycle();
    await expectWhole(newer);
  });

  it('no cycle touches the service before it is put right', async () => {
    faultAt('borg-extract', 'half', 'freeze');
    await Promise.race([lab.restore(), lab.host.crashed]);
    lab.restart();
    const { plan } = await lab.cycle();
    expect(plan?.changes).toEqual([]);
    expect(plan?.blocked.map(({ id }) => id)).toEqual(['backup:photo', 'compose-stack:photo']);
    expect(await lab.running()).toEqual([]);
  });

  const rescue: Step['op'][] = [
    'containers-stop',
    'zfs-rollback',
    'containers-start',
    'zfs-destroy-snapshots',
  ];
  const ways = rescue.flatMap((op) => where.map((after) => [op, after] as const));

  it.each(ways)(
    'again on the way back, at %s with %s of it done, the next one ends it',
    async (op, after) => {
      faultAt('borg-extract', 'half', 'freeze');
      await Promise.race([lab.restore(), lab.host.crashed]);
      lab.restart();
      faultAt(op, after, 'freeze');
      await Promise.race([lab.settleRuns(), lab.host.crashed]);
      lab.restart();
      await lab.settleRuns();
      await expectWhole(newer);
    },
  );

  it('on the way back, containers that Docker has started again are stopped again', async () => {
    faultAt('borg-extract', 'half', 'freeze');
    await Promise.race([lab.restore(), lab.host.crashed]);
    lab.restart();
    faultAt('zfs-rollback', 'nothing', 'freeze');
    await Promise.race([lab.settleRuns(), lab.host.crashed]);
    lab.restart();
    const before = lab.host.steps.length;
    await lab.settleRuns();
    const ran = lab.host.steps.slice(before).map(({ op }) => op);
    expect(ran).toEqual(['containers-stop', 'zfs-rollback', 'containers-start', 'zfs-destroy-snapshots']);
  });

  it.each(['containers-stop', 'zfs-rollback', 'containers-start', 'zfs-destroy-snapshots'] as const)(
    'in the undo at %s, the service runs on one or the other',
    async (op) => {
      await lab.restore();
      for (const after of where) {
        faultAt(op, after, 'freeze');
        await Promise.race([lab.undo(), lab.host.crashed]);
        lab.restart();
        await lab.settleRuns();
        await expectWhole(archived, newer);
      }
    },
  );
});

describe('when a step fails', () => {
  it.each(places)('at %s with %s of it done, what was before is back at once', async (op, after) => {
    faultAt(op, after, 'fail');
    expect(await lab.restore()).toMatchObject({ result: 'failed' });
    await expectWhole(newer);
    expect(lab.kept()).toEqual([]);
  });

  it('and the rollback too, nothing runs on a mixture, and what was there is kept', async () => {
    const failing = { how: 'fail', after: 'nothing' } as const;
    lab.host.faults = {
      steps: [
        { when: { op: 'borg-extract' }, how: 'fail', after: 'half' },
        { when: { op: 'zfs-rollback' }, ...failing, times: 2 },
      ],
    };
    await lab.restore();
    await lab.settleRuns();
    expect((await lab.cycle()).plan?.changes).toEqual([]);
    expect(await lab.running()).toEqual([]);
    expect(lab.kept()).toHaveLength(1);
    await lab.settleRuns();
    await expectWhole(newer);
  });

  it('since somebody has taken a snapshot meanwhile, it is named, and nothing runs until it is gone', async () => {
    faultAt('borg-extract', 'half', 'freeze');
    await Promise.race([lab.restore(), lab.host.crashed]);
    lab.restart();
    const name = `${photo}@by-hand`;
    lab.host.state.snapshots.set(name, { name, run: '', files: 0, contents: [], atMs: lab.now() });
    await lab.settleRuns();
    const [blocked] = (await lab.cycle()).plan?.blocked ?? [];
    expect(blocked?.reasons[0]?.note).toContain(name);
    expect(await lab.running()).toEqual([]);
    lab.host.state.snapshots.delete(name);
    await lab.settleRuns();
    await expectWhole(newer);
  });
});

it('a backup that was planned before a restore began that has died archives nothing of it', async () => {
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  const planned = await lab.cycle({ dry: true, asked });
  faultAt('borg-extract', 'half', 'freeze');
  await Promise.race([lab.restore(), lab.host.crashed]);
  lab.restart();
  const [outcome] = await lab.beside(planned);
  expect(outcome).toMatchObject({ result: 'skipped', error: expect.stringContaining('restored') });
});
