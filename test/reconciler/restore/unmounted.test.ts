import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredState } from '../../../desired-state/types.ts';
import { writeDeclared } from '../../../reconciler/state/declared.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Plan, Step } from '../../../reconciler/types.ts';
import type { Drift } from '../../../simulator/drift.ts';
import { photo, type RestoreLab, restoreLab } from './lab.ts';

/** The power goes while containers are down, and their data is not mounted when it is back (law 12). */

let lab: RestoreLab;
beforeEach(async () => {
  lab = await restoreLab();
});
afterEach(() => lab.end());

const exported: Drift = { drift: 'exportPool', pool: 'datapool' };
const unmounted: Drift = { drift: 'unmountDataset', dataset: photo };

async function cutOff(op: Step['op'], begun: () => Promise<unknown>, drift: Drift): Promise<void> {
  lab.host.faults = { steps: [{ when: { op }, how: 'freeze', after: 'half', times: 1 }] };
  await Promise.race([begun(), lab.host.crashed]);
  lab.restart();
  lab.later(60_000);
  lab.host.drift(drift);
}

async function backup(): Promise<unknown> {
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  return lab.beside(await lab.cycle({ dry: true, asked }));
}

const left = () => readUndo(lab.store()).map(({ step }) => step.op);
const whole = ['photo-db', 'photo-server'];
const words = /^photo-db, photo-server kept down: datapool\/services\/photo.* not mounted/;

const toldOf = ({ changes, blocked }: Plan) =>
  [...changes, ...blocked]
    .filter(({ id }) => id === 'compose-stack:photo')
    .flatMap(({ reasons }) => reasons.map(({ note }) => note ?? ''));

async function mount(drift: Drift): Promise<void> {
  if (drift.drift === 'exportPool') lab.host.drift({ drift: 'importPool', pool: 'datapool' });
  else
    for (const dataset of [photo, `${photo}/database`])
      await lab.host.executor.execute({ op: 'zfs-mount', dataset, mountpoint: `/${dataset}` }, {});
}

describe.each([
  ['whose pool is not imported', exported],
  ['that is not mounted', unmounted],
])('after a power cut, on a dataset %s', (_what, drift) => {
  it('a backup starts nothing, says so in each plan, and starts all once it is there', async () => {
    await cutOff('zfs-snapshot', backup, drift);
    for (const _look of [1, 2]) {
      const [settled] = await lab.settleRuns();
      expect(settled?.failed[0]).toMatch(words);
      expect(await lab.running()).toEqual([]);
      expect(left()).toContain('containers-start');
      const { plan } = await lab.cycle({ dry: true });
      expect(toldOf(plan as Plan)).toContainEqual(expect.stringMatching(words));
    }
    await mount(drift);
    expect((await lab.settleRuns()).flatMap(({ failed }) => failed)).toEqual([]);
    expect(await lab.running()).toEqual(whole);
    expect(left()).toEqual([]);
    expect(toldOf((await lab.cycle({ dry: true })).plan as Plan)).toEqual([]);
  });
});

it('a cycle that mounts it and starts the stack is all that is needed: the journal finds it done', async () => {
  await cutOff('zfs-snapshot', backup, unmounted);
  await lab.settleRuns();
  expect((await lab.cycle()).result).toBe('changed');
  expect(await lab.running()).toEqual(whole);
  const before = lab.host.steps.length;
  await lab.settleRuns();
  expect(left()).toEqual([]);
  expect(lab.host.steps.slice(before).map(({ op }) => op)).toEqual(['containers-start']);
  expect(await lab.running()).toEqual(whole);
});

it('a restore goes back, and starts nothing before the data is there', async () => {
  const before = lab.data();
  await cutOff('borg-extract', () => lab.restore(), unmounted);
  const [settled] = await lab.settleRuns();
  expect(settled?.failed[0]).toMatch(words);
  expect(await lab.running()).toEqual([]);
  const { plan } = await lab.cycle();
  expect(toldOf(plan as Plan)[0]).toMatch(/half-way.*kept down: .* not mounted/);
  expect(await lab.running()).toEqual([]);
  await mount(unmounted);
  await lab.settleRuns();
  expect(await lab.running()).toEqual(whole);
  expect(lab.data()).toEqual(before);
  expect(left()).toEqual([]);
});

it.each(['snapshot', 'restore'] as const)(
  'a %s whose pool is away forgets nothing that is to be cleared away',
  async (what) => {
    const begin = what === 'restore' ? () => lab.restore() : backup;
    await cutOff(what === 'restore' ? 'borg-extract' : 'borg-create', begin, exported);
    const before = left();
    for (const _look of [1, 2]) {
      const [settled] = await lab.settleRuns();
      expect(settled?.failed.at(-1)).toMatch(/the pool datapool is not imported/);
    }
    expect(left().at(-1)).toBe('zfs-destroy-snapshots');
    expect(left().length).toBeLessThanOrEqual(before.length);
    await mount(exported);
    await lab.settleRuns();
    expect(left()).toEqual([]);
    expect([...lab.host.state.snapshots.values()]).toEqual([]);
    expect(await lab.running()).toEqual(whole);
  },
);

it('a rollback to a snapshot by hand goes no further, and starts nothing', async () => {
  await lab.host.executor.execute(
    {
      op: 'snapshot-by-hand',
      datasets: [photo, `${photo}/database`].map((name) => ({ name, guid: name })),
      tag: 'mine',
    },
    {},
  );
  await cutOff('files-restore', () => lab.rollback('mine'), unmounted);
  const [settled] = await lab.settleRuns();
  expect(settled?.failed[0]).toMatch(/datapool\/services\/photo is not mounted/);
  expect(await lab.running()).toEqual([]);
  await mount(unmounted);
  await lab.settleRuns();
  expect(await lab.running()).toEqual(whole);
});

/** As the version before has written it. */
function withoutGuards(): void {
  const { db } = lab.store();
  const strip = (_key: string, value: unknown) => (_key === 'guards' ? undefined : value);
  for (const { seq, step } of db.prepare('SELECT seq, step FROM undo').all() as {
    seq: number;
    step: string;
  }[])
    db.prepare('UPDATE undo SET step = ? WHERE seq = ?').run(JSON.stringify(JSON.parse(step), strip), seq);
}

it.each([false, true])(
  'a journal of the version before is read with what was declared; together: %s',
  async (together) => {
    writeDeclared(lab.store(), (await lab.cycle({ dry: true })).desired as DesiredState);
    const asked = { services: ['photo'], atMs: lab.now(), together };
    await cutOff('zfs-snapshot', async () => lab.beside(await lab.cycle({ dry: true, asked })), unmounted);
    withoutGuards();
    expect((await lab.settleRuns())[0]?.failed[0]).toMatch(words);
    expect(await lab.running()).toEqual([]);
    await mount(unmounted);
    await lab.settleRuns();
    expect(await lab.running()).toEqual(whole);
  },
);
