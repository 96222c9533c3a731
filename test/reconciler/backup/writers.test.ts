import { describe, expect, it } from 'vitest';
import type { ObservedContainer } from '../../../observers/types.ts';
import { commandOf } from '../../../reconciler/apply/command.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Change, Step } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';
import { all, asked, backUp, begin, byHand, faultAt, lab, photos, planned, running } from './writers-lab.ts';

const namesIn = ({ steps }: Change, op: Step['op']) =>
  steps.flatMap((step) =>
    step.op === op && 'containers' in step ? step.containers.map(({ name }) => name) : [],
  );
const notesOf = ({ reasons }: Change) =>
  reasons.flatMap(({ field, note }) => (field === 'writers' ? note : []));
const archives = () => [...lab.host.state.archives.values()].map(({ name }) => name);

describe('a container of another service that writes to the data', () => {
  it('is stopped too, and named in the reasons', async () => {
    const change = await planned('photo');
    expect(namesIn(change, 'containers-stop')).toEqual(['photo-db', 'photo-server', 'media-films']);
    expect(notesOf(change)).toEqual([
      'media-films of service media writes to the data of photo too, and stops with it',
    ]);
    expect(change.disruption.containers).toContain('media-films');
    expect(change.summary).toBe('stops 3 containers for a snapshot');
  });

  it('stops before the own ones and starts after them', async () => {
    const { steps } = await planned('photo');
    const typed = steps.flatMap((step) => (/^containers-/.test(step.op) ? commandOf(step) : []));
    expect(typed).toEqual([
      expect.stringMatching(/^docker stop media-films photo-/),
      expect.stringMatching(/^docker start photo-\w+ photo-\w+ media-films$/),
    ]);
  });

  it('runs again afterwards, and nothing is left to do', async () => {
    const outcome = (await backUp('photo')).at(-1);
    expect([outcome?.result, outcome?.notes]).toEqual(['applied', undefined]);
    expect(await running()).toEqual(all);
    expect(lab.host.containerCounts()['media-films']).toMatchObject({ starts: 2 });
    expect(readUndo(lab.store())).toEqual([]);
  });

  it('is paused where the service is', async () => {
    await begin({ quiesce: 'pause' });
    const change = await planned('photo');
    expect(namesIn(change, 'containers-pause')).toEqual(['photo-db', 'photo-server', 'media-films']);
    expect(notesOf(change)[0]).toContain('and is paused with it');
    expect(namesIn(change, 'containers-stop')).toEqual([]);
  });

  it('is left alone where the own ones are', async () => {
    await begin({ quiesce: 'none' });
    const change = await planned('photo');
    expect([namesIn(change, 'containers-stop'), notesOf(change)]).toEqual([[], []]);
  });

  it('waits for nobody of the same name in another stack', async () => {
    const db = (over: Partial<ObservedContainer>) => build.seenContainer('db', { project: 'media', ...over });
    for (const each of [db({ id: 'm1', name: 'media-db' })]) byHand({ ...each, writes: [photos] });
    const step = (await planned('photo')).steps.find(({ op }) => op === 'containers-start');
    const found = step !== undefined && 'containers' in step ? step.containers : [];
    const needs = Object.fromEntries(found.map((each) => [each.name, each.needs.map(({ name }) => name)]));
    expect(needs).toEqual({
      'photo-db': [],
      'photo-server': [],
      'media-db': ['photo-db', 'photo-server'],
      'media-films': ['photo-db', 'photo-server'],
    });
  });

  it.each<[string, string[]]>([
    ['the dataset itself', [photos]],
    ['a folder of it', [`${photos}/library/2026`]],
    ['all datasets from above', ['/datapool/services']],
    ['the whole server', ['/']],
  ])('by a mount of %s', async (_what, writes) => {
    byHand({ writes });
    expect(namesIn(await planned('photo'), 'containers-stop')).toContain('browser');
  });

  it.each<[string, Partial<ObservedContainer>]>([
    ['only reads it', { writes: [] }],
    ['writes to what is called alike', { writes: ['/datapool/services/photo-old', '/srv'] }],
    ['does not run', { state: 'exited', exitCode: 0 }],
    ['was never started', { state: 'created' }],
  ])('is not meant where it %s', async (_what, over) => {
    byHand(over);
    expect(namesIn(await planned('photo'), 'containers-stop')).not.toContain('browser');
  });

  it.each([['nothing'], ['half'], ['all']] as const)(
    'is put right where the process dies at the stop with %s of it done',
    async (after) => {
      byHand();
      const change = await lab.cycle({ dry: true, asked: asked('photo') });
      for (const op of ['containers-stop', 'zfs-snapshot', 'containers-start'] as const) {
        faultAt(op, after, 'freeze');
        await Promise.race([lab.beside(change), lab.host.crashed]);
        lab.restart();
        await lab.settleRuns();
        expect(await running()).toEqual(['browser', ...all].sort());
        expect(readUndo(lab.store())).toEqual([]);
      }
    },
  );
});

describe('a container that somebody has started by hand', () => {
  it('is held in the same way, and named', async () => {
    byHand();
    const change = await planned('photo');
    expect(notesOf(change)).toContain(
      'browser, which is of no service, writes to the data of photo too, and stops with it',
    );
    await backUp('photo');
    expect(await running()).toEqual(['browser', ...all].sort());
  });

  it.each<[string, Partial<ObservedContainer>, string]>([
    ['docker run --rm', { autoRemove: true }, 'browser'],
    ['docker compose run', { project: 'photo', service: 'server', oneOff: true }, 'browser of service photo'],
    ['docker compose run', { project: 'media', service: 'films', oneOff: true }, 'browser of service media'],
  ])('as %s would be lost by a stop: it goes on, which plan and run say', async (how, over, who) => {
    byHand(over);
    const note = `${who} writes to the data of photo while the snapshot is taken: stopping it would end it for good (${how})`;
    const change = await planned('photo');
    expect(namesIn(change, 'containers-stop')).not.toContain('browser');
    expect(notesOf(change)).toContain(note);
    const [outcome] = (await backUp('photo')).slice(-1);
    expect(outcome).toMatchObject({ result: 'applied', notes: [note] });
    expect(readRuns(lab.store(), 'photo', 1)).toMatchObject([{ result: 'done', notes: [note] }]);
    expect(archives()).toHaveLength(1);
    expect(await running()).toEqual(['browser', ...all].sort());
  });
});

describe('all at one instant', () => {
  it('one that is of one of them and writes to another is stopped once, as its own service wants it', async () => {
    const change = await planned('photo', 'media');
    expect(namesIn(change, 'containers-stop').sort()).toEqual(all);
    expect(namesIn(change, 'containers-start').sort()).toEqual(all);
  });

  it('also where its own service is paused', async () => {
    await begin({}, { quiesce: 'pause' });
    const change = await planned('photo', 'media');
    expect(namesIn(change, 'containers-stop')).toEqual(['photo-db', 'photo-server']);
    expect(namesIn(change, 'containers-pause')).toEqual(['media-films', 'media-web']);
  });

  it('or left alone: then it is held as those want it whose data it writes to', async () => {
    await begin({}, { quiesce: 'none' });
    const change = await planned('photo', 'media');
    expect(namesIn(change, 'containers-stop')).toEqual(['photo-db', 'photo-server', 'media-films']);
  });
});
