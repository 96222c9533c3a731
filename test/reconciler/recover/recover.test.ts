import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { candidatesFor } from '../../../cli/recover/archives.ts';
import type { DesiredBackup } from '../../../desired-state/types.ts';
import { StepError } from '../../../reconciler/apply/types.ts';
import type { BackgroundDeps } from '../../../reconciler/background.ts';
import { numbersHere } from '../../../reconciler/owners/numbers.ts';
import { recoverable } from '../../../reconciler/recover/change.ts';
import { recoverService } from '../../../reconciler/recover/run.ts';
import { type Recovery, readRecoveries, writeRecovery } from '../../../reconciler/state/recovery.ts';
import { pathKey } from '../../../simulator/world.ts';
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
  bare.later(before.now() - bare.now());
  for (const table of ['repositories', 'archives'] as const)
    for (const [key, value] of before.host.state[table].entries())
      bare.host.state[table].set(key, value as never);
  writeRecovery(bare.store(), waiting);
});
afterEach(() => {
  before.end();
  bare.end();
});

const nothing = { archive: null, atMs: null, note: null, damaged: {}, leftMs: null, updatedMs: 0 };
const waiting: Recovery = { service: 'photo', phase: 'waiting', ...nothing };
const newest = ['database:/rows', 'photo:/picture-1'];
const candidates = () => recoverable(backup, [...bare.host.state.archives.values()], bare.now());
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

/** Extractions of these archives leave something behind and fail with this; index in the candidates -> error. */
function failing(errors: Record<number, StepError>): BackgroundDeps['executor'] {
  return {
    async execute(step, options) {
      const names = candidates().map(({ name }) => name);
      const error = step.op === 'borg-extract' ? errors[names.indexOf(step.archive)] : undefined;
      if (step.op !== 'borg-extract' || error === undefined)
        return await bare.host.executor.execute(step, options);
      await bare.host.executor.execute({ ...step, archive: names.at(-1) ?? '' }, options);
      bare.host.writeData(`/${photo}/half`);
      throw error;
    },
  };
}

const damage = new StepError('data is damaged', { isDamage: true });
const full = new StepError('no room left');
/** As Borg ends where an archive cannot be read. */
const damaged = failing({ 0: damage });

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

  it('starts on none that a clock that was ahead has dated later than now, and names it', async () => {
    const ahead = 'photo-2036-01-01T00:00:00Z';
    const today = candidates()[0]?.name;
    for (const [key, archive] of [...bare.host.state.archives.entries()].slice(0, 1))
      bare.host.state.archives.set(key.replace(archive.name, ahead), { ...archive, name: ahead });
    await bare.cycle();
    expect((await candidatesFor(backup, waiting, null, bare.besides()))[0]?.name).toBe(today);
    expect(await recover()).toMatchObject({ result: 'applied' });
    expect(data()).toEqual(newest);
    const note = `${ahead} is dated later than now, and is not taken for the newest; steward restore photo --archive ${ahead} takes it all the same`;
    expect(recovery()).toMatchObject({ phase: 'restored', archive: today, note });
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

  it('takes no older one for a disk that is full, and begins with the same once there is room', async () => {
    await bare.cycle();
    expect(await recover({ executor: failing({ 0: full }) })).toMatchObject({ result: 'failed' });
    const [first] = candidates();
    expect(recovery()).toMatchObject({ phase: 'restoring', archive: first?.name, note: 'no room left' });
    await recover();
    expect(recovery()).toMatchObject({ phase: 'restored', archive: first?.name, note: null });
    expect(data()).toEqual(newest);
  });

  it('remembers what is damaged beyond a full disk, and which it was when it is done', async () => {
    await bare.cycle();
    await recover({ executor: failing({ 0: damage, 1: full }) });
    const [first, second] = candidates();
    const said = `${first?.name} is damaged (data is damaged)`;
    expect(recovery()).toMatchObject({ phase: 'restoring', note: `no room left; ${said}` });
    expect(await candidatesFor(backup, recovery() as Recovery, null, bare.besides())).toHaveLength(2);
    await recover();
    expect(recovery()).toMatchObject({ phase: 'restored', archive: second?.name, note: said });
    expect(data()).toEqual(['photo:/picture-1']);
  });

  it('begins with the newest again where it has found none that is whole', async () => {
    await bare.cycle();
    await recover({ executor: failing({ 0: damage, 1: damage }) });
    expect(recovery()?.phase).toBe('restoring');
    expect(recovery()?.note).toMatch(/^no archive in .* can be read whole: .*bring back a copy of it/);
    await bare.cycle();
    expect(await running()).toBe(0);
    await recover();
    expect(recovery()).toMatchObject({ phase: 'restored', archive: candidates()[0]?.name, note: null });
    expect(data()).toEqual(newest);
  });

  it('tries a newer archive that turns up only after an older one has failed', async () => {
    await bare.cycle();
    const name = candidates()[0]?.name;
    const first = [...bare.host.state.archives.entries()].find(([, each]) => each.name === name);
    if (first === undefined) throw new Error('no archive');
    bare.host.state.archives.delete(first[0]);
    await recover({ executor: failing({ 0: full }) });
    bare.host.state.archives.set(...first);
    await recover();
    expect(recovery()).toMatchObject({ phase: 'restored', archive: first[1].name });
    expect(data()).toEqual(newest);
  });

  it.each([
    ['', 0, /holds data that was put there since the last attempt \(.*\/mine\)/, true],
    [
      ' by a clock that was ahead',
      86_400_000,
      /already .*; the clock was ahead .*--keep-what-is-there/,
      false,
    ],
  ])('takes nothing away that came there since an attempt failed%s', async (_when, ms, words, goesOn) => {
    await bare.cycle();
    bare.turnClock(ms);
    await recover({ executor: failing({ 0: full }) });
    bare.turnClock(-ms);
    bare.later(1000);
    bare.host.writeData(`/${database}/mine`);
    const before = data();
    for (const _time of [1, 2]) {
      expect(await recover()).toMatchObject({ result: 'failed' });
      expect(recovery()?.note).toMatch(words);
      expect(data()).toEqual(before);
    }
    bare.host.state.paths.delete(pathKey(database, '/mine'));
    await recover();
    expect(data()).toEqual(goesOn ? newest : before.filter((each) => !each.endsWith('/mine')));
  });

  it('is left to who has given it up meanwhile', async () => {
    await bare.cycle();
    const executor = failing({ 0: damage });
    const told = {
      async execute(...given: Parameters<typeof executor.execute>) {
        if (given[0].op === 'borg-extract') writeRecovery(bare.store(), { ...waiting, phase: 'given-up' });
        return await executor.execute(...given);
      },
    };
    await recover({ executor: told });
    expect(recovery()).toMatchObject({ phase: 'given-up', archive: null });
  });

  it('is not written over where a dataset is not mounted, whatever is on it', async () => {
    await bare.cycle();
    bare.host.writeData(`/${database}/mine`);
    const place = [...bare.host.state.datasets.entries()].find(([, { name }]) => name === database);
    if (place === undefined) throw new Error('no dataset');
    bare.host.state.datasets.set(place[0], { ...place[1], mountedAt: null });
    await recover();
    expect(recovery()).toMatchObject({ phase: 'waiting' });
    expect(recovery()?.note).toContain('is not mounted');
    bare.host.state.datasets.set(...place);
    await recover();
    expect(recovery()?.note).toContain('holds data already');
    expect(data()).toEqual(['database:/mine']);
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

  const cuts = (['nothing', 'half', 'all'] as const).flatMap((after) =>
    (['die', 'freeze'] as const).map((how) => ({ after, how })),
  );
  it.each(cuts)('goes on after a process was gone with $after written ($how)', async ({ after, how }) => {
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
