import { beforeEach, describe, expect, it } from 'vitest';
import type { DesiredBackup, DesiredState } from '../../../desired-state/types.ts';
import { groundOf } from '../../../reconciler/backup/writers.ts';
import { restoreChange } from '../../../reconciler/restore/change.ts';
import { writerProblem } from '../../../reconciler/restore/containers.ts';
import { runRestore } from '../../../reconciler/restore/run.ts';
import { rollbackChange } from '../../../reconciler/snapshots/rollback.ts';
import { type Recovery, writeRecovery } from '../../../reconciler/state/recovery.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Change, Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import * as build from '../../support/build.ts';
import { all, backUp, byHand, desired, faultAt, lab, look, photos, running } from '../backup/writers-lab.ts';

/** media-films writes to the data of photo too: it must be down for as long as that is exchanged. */

const photo = photos.slice(1);
const isPhoto = (each: DesiredState['resources'][number]): each is DesiredBackup =>
  each.id === 'backup:photo';
const backup = desired().resources.find(isPhoto) as DesiredBackup;

beforeEach(async () => {
  lab.host.writeData(`${photos}/picture-1`);
  await backUp('photo');
  lab.host.writeData(`${photos}/picture-2`);
  lab.later(60_000);
});

async function restoring(): Promise<Change> {
  const archive = [...lab.host.state.archives.values()][0]?.name ?? '';
  const parts = {
    desired: backup,
    atMs: lab.now(),
    containers: await look(),
    gate: null,
    owners: { owners: null },
  };
  return restoreChange({ ...parts, archive, paths: [] });
}

async function rollingBack(): Promise<Change> {
  await lab.host.executor.execute(
    { op: 'snapshot-by-hand', datasets: [{ name: photo, guid: photo }], tag: 'good' },
    {},
  );
  lab.host.writeData(`${photos}/picture-3`);
  return rollbackChange({
    ...{ service: 'photo', project: 'photo', tag: 'good', atMs: lab.now(), containers: await look() },
    datasets: [{ name: photo, guid: photo, mounted: true, mountpoint: photos, snapshots: [] }],
    ...{ healthTimeoutSeconds: 180, location: null },
  });
}

const run = (change: Change, over = {}) =>
  runRestore(change, build.commit.id, { ...lab.besides(), gate: async () => null, ...over });

const pictures = () => lab.host.data().flatMap((path) => /picture-\d$/.exec(path) ?? []);
const has = (names: string[]) => (step: Step) =>
  'containers' in step && names.every((name) => step.containers.some((each) => each.name === name));

async function expectWhole(...either: string[][]): Promise<void> {
  expect(either).toContainEqual(pictures());
  expect(await running()).toEqual(all);
  expect(readUndo(lab.store())).toEqual([]);
  expect((await lab.cycle()).plan?.blocked).toEqual([]);
}

describe('a restore', () => {
  it('stops it with the service, and starts it once the data stays as it is', async () => {
    const change = await restoring();
    const held = change.steps.flatMap((step) =>
      'containers' in step ? [[step.op, ...step.containers.map(({ name }) => name)]] : [],
    );
    expect(held).toEqual([
      ['containers-stop', 'photo-db', 'photo-server', 'media-films'],
      ['containers-start', 'photo-db', 'photo-server'],
      ['containers-start', 'media-films'],
    ]);
    expect(change.rescue?.until).toBe(change.steps.findIndex(has(['media-films'])) + 4);
    expect(change.reasons.map(({ note }) => note)).toContain(
      'media-films of service media writes to the data of photo too, and stops with it',
    );
    expect(await run(change)).toMatchObject({ result: 'applied' });
    await expectWhole(['picture-1']);
  });

  it('of which the service does not get well gives all of them the old data back', async () => {
    const outcome = await run(await restoring(), { gate: async () => null });
    expect(outcome.result).toBe('applied');
    lab.later(60_000);
    lab.host.writeData(`${photos}/picture-4`);
    const change = await restoring();
    const gate = { project: 'photo', timeoutSeconds: 1, containers: [] };
    expect(await run({ ...change, gate }, { gate: async () => 'unwell' })).toMatchObject({
      result: 'failed',
    });
    await expectWhole(['picture-1', 'picture-4']);
  });

  it('stands where it cannot be started again, which is told', async () => {
    const matches = has(['media-films']);
    const when = { op: 'containers-start' as const, matches };
    lab.host.faults = { steps: [{ when, how: 'fail', after: 'nothing', times: 2 }] };
    const outcome = await run(await restoring());
    expect(outcome).toMatchObject({
      result: 'failed',
      error: expect.stringContaining('what was brought back stays'),
    });
    expect(pictures()).toEqual(['picture-1']);
    // Nothing is half any more: a cycle may mend what could not be started.
    await lab.cycle();
    expect(await running()).toEqual(all);
  });

  describe('that could not start it again, and another one', () => {
    const unstartable = (times: number): StepFault => {
      const when = { op: 'containers-start' as const, matches: has(['media-films']) };
      return { when, how: 'fail', after: 'nothing', times };
    };
    const kept = () =>
      [...lab.host.state.snapshots.values()].filter(({ name }) => name.includes('before-restore'));

    it('leaves both what they have to do', async () => {
      lab.host.faults = { steps: [unstartable(2)] };
      await run(await restoring());
      lab.later(60_000);
      await run(await restoring());
      expect(readUndo(lab.store())).toMatchObject([{ position: 5, step: { op: 'containers-start' } }]);
      expect(kept()).toHaveLength(2);
      await lab.settleRuns();
      await expectWhole(['picture-1']);
    });

    it('that dies, does not start it before the data is back', async () => {
      lab.host.faults = { steps: [unstartable(2)] };
      await run(await restoring());
      lab.later(60_000);
      await dies();
      lab.host.faults = { steps: [{ when: { op: 'zfs-rollback' }, how: 'fail', after: 'nothing' }] };
      await lab.settleRuns();
      expect(await running()).toEqual(['media-web']);
      await lab.settleRuns();
      await expectWhole(['picture-1']);
    });
  });

  it('no cycle starts it meanwhile, and what else its service runs goes on', async () => {
    await dies();
    const { plan } = await lab.cycle();
    expect(plan?.changes).toEqual([]);
    const notes = new Map(plan?.blocked.map(({ id, reasons }) => [id, reasons[0]?.note]));
    expect(notes.get('compose-stack:media')).toBe(
      'media-films is kept down until the data of photo is back; it is left alone until then',
    );
    expect(await running()).toEqual(['media-web']);
    await lab.settleRuns();
    await expectWhole(['picture-1', 'picture-2']);
  });

  it('a backup that was planned before it does not start it either', async () => {
    const asked = { services: ['media'], atMs: lab.now(), together: false };
    const planned = await lab.cycle({ dry: true, asked });
    await dies();
    const outcomes = await lab.beside(planned);
    expect(outcomes.at(-1)).toMatchObject({ result: 'skipped' });
    expect(await running()).toEqual(['media-web']);
  });

  it.each([
    ['restored', (): Promise<unknown> => dies()],
    ['recovered', async () => writeRecovery(lab.store(), recovery('waiting'))],
  ])('a stack that is new, and mounts the data, waits until that is %s', async (_how, begins) => {
    await begins();
    const needs = ['zfs-dataset:datapool/services/music', `zfs-dataset:${photo}`] as const;
    const music = build.stack('music', { containers: [build.container('mpd')], needs: [...needs] });
    const dataset = build.dataset('datapool/services/music', { needs: ['zfs-dataset:datapool/services'] });
    lab.push(build.desired([...desired().resources, dataset, music]));
    const { plan } = await lab.cycle();
    const [notice] = plan?.blocked.filter(({ id }) => id === 'compose-stack:music') ?? [];
    expect(notice?.reasons[0]?.note).toBe('it mounts data of photo, which is not back yet');
    await lab.settleRuns();
    writeRecovery(lab.store(), recovery('restored'));
    await lab.cycle();
    expect(await running()).toContain('photo-mpd');
  });

  it('that dies once the data stays loses nothing of what was left to do', async () => {
    await run(await restoring());
    const kept = () =>
      [...lab.host.state.snapshots.values()].filter(({ name }) => name.includes('before-restore'));
    const [first] = kept();
    lab.later(60_000);
    const change = await restoring();
    const matches = has(['media-films']);
    const when = { op: 'containers-start' as const, matches };
    lab.host.faults = { steps: [{ when, how: 'freeze', after: 'nothing' }] };
    await Promise.race([run(change), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
    expect(kept()).toEqual([first, expect.anything()]);
    await expectWhole(['picture-1']);
  });
});

async function dies(): Promise<void> {
  faultAt('borg-extract', 'half', 'freeze');
  await Promise.race([run(await restoring()), lab.host.crashed]);
  lab.restart();
}

function recovery(phase: Recovery['phase']): Recovery {
  return {
    service: 'photo',
    phase,
    archive: null,
    atMs: null,
    note: null,
    damaged: {},
    leftMs: null,
    updatedMs: lab.now(),
  };
}

const places = (['nothing', 'half', 'all'] as const).flatMap((after) =>
  (['freeze', 'fail'] as const).map((how) => ({ after, how })),
);
const ops = ['containers-stop', 'zfs-snapshot', 'borg-extract', 'containers-start', 'files-restore'] as const;

describe.each(places)('wherever it ends ($how, with $after of a step done)', ({ after, how }) => {
  it.each(ops)('at %s, all run again on one or the other', async (op) => {
    for (const change of [await restoring(), await rollingBack()]) {
      faultAt(op, after, how);
      await Promise.race([run(change), lab.host.crashed]);
      lab.host.faults = {};
      lab.restart();
      await lab.settleRuns();
      await expectWhole(
        ['picture-1'],
        ['picture-1', 'picture-2'],
        ['picture-1', 'picture-3'],
        ['picture-1', 'picture-2', 'picture-3'],
      );
    }
  });

  it('at its second start, too', async () => {
    const change = await restoring();
    const matches = has(['media-films']);
    lab.host.faults = { steps: [{ when: { op: 'containers-start', matches }, how, after }] };
    await Promise.race([run(change), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
    await expectWhole(['picture-1']);
  });
});

it('a rollback starts it with the service, after it', async () => {
  const change = await rollingBack();
  const start = change.steps.find(({ op }) => op === 'containers-start');
  expect(start !== undefined && has(['media-films', 'photo-db'])(start)).toBe(true);
  expect(await run(change)).toMatchObject({ result: 'applied' });
  expect(change.gate?.containers.map(({ service }) => service)).toEqual(['db', 'server']);
});

describe('one that a stop would end for good', () => {
  it.each([
    [
      { autoRemove: true },
      'browser (docker run --rm) writes to the data of photo, and stopping it would end it for good; end it first',
    ],
    [
      { oneOff: true, project: 'photo', service: 'server' },
      'browser of service photo (docker compose run) writes to the data of photo, and stopping it would end it for good; end it first',
    ],
  ])('is not overrun: nothing is brought back under it', async (over, sentence) => {
    expect(writerProblem(groundOf(backup), await look())).toBeNull();
    byHand(over);
    expect(writerProblem(groundOf(backup), await look())).toBe(sentence);
  });
});
