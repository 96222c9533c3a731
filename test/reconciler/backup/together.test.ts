import { beforeEach, describe, expect, it } from 'vitest';
import { partEnds } from '../../../reconciler/parts.ts';
import { readBackups } from '../../../reconciler/state/backups.ts';
import { readHistory } from '../../../reconciler/state/history.ts';
import { readProgress } from '../../../reconciler/state/progress.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Change, Outcome, Step } from '../../../reconciler/types.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import * as build from '../../support/build.ts';
import { archives, dayMs, desired, lab, opsSince, running, snapshots, tickOf } from './saga-lab.ts';

/** Several services share one stop and one snapshot; what goes wrong with one is its own. */

const two = build.desired([
  ...desired.resources.map((each) => (each.kind === 'backup' ? { ...each, retention: { daily: 1 } } : each)),
  build.dataset('datapool/services/git', { needs: ['zfs-dataset:datapool/services'] }),
  build.stack('git', { containers: [build.container('gitea', { containerName: 'git-gitea' })] }),
  build.repository('git'),
  build.backup('git', { retention: { daily: 1 } }),
]);
const all = ['git-gitea', 'photo-db', 'photo-server'];

beforeEach(async () => {
  lab.push(two);
  lab.later(dayMs);
  await lab.cycle();
  // By hand, so that the next one by hand takes its place once it is more than a day old.
  await lab.beside(await lab.cycle({ dry: true, asked: asked() }));
  lab.later(2 * dayMs);
});

const asked = () => ({ services: ['photo', 'git'], atMs: tickOf(lab.now()), together: true });

const isOf = (service: string) => (step: Step) =>
  JSON.stringify(step).includes(`services/${service}`) ||
  JSON.stringify(step).includes(`services_${service}`);
const photosOwn = (op: Step['op'], over: Partial<StepFault> = {}): StepFault => ({
  when: { op, matches: isOf('photo') },
  how: 'fail',
  after: 'nothing',
  ...over,
});

async function together(over: Parameters<typeof lab.beside>[1] = {}): Promise<Outcome> {
  const [outcome] = await lab.beside(await lab.cycle({ dry: true, asked: asked() }), over);
  if (outcome === undefined) throw new Error('nothing was planned');
  return outcome;
}

const ends = ({ parts = [] }: Outcome) => parts.map(({ service, result }) => `${service} ${result}`);
const kept = (service: string) => archives().filter((name) => name.startsWith(service));
const runs = () =>
  readRuns(lab.store(), null, 2)
    .map(({ service, result, error }) => `${service} ${result} ${error}`)
    .sort();
const record = (service: string) => readBackups(lab.store()).services.get(service);
const inDoubt = () =>
  [...readBackups(lab.store()).repositories.values()].flatMap((each) => (each.inDoubt ? each.location : []));

describe('all is well', () => {
  it('says of each that it is done', async () => {
    const outcome = await together();
    expect(outcome).toMatchObject({ result: 'applied', error: null });
    expect(ends(outcome)).toEqual(['photo applied', 'git applied']);
    expect([kept('photo').length, kept('git').length]).toEqual([1, 1]);
  });
});

it('what is under way is told of the one whose turn it is', async () => {
  const seen: Record<string, string[]> = {};
  const { executor } = lab.host;
  await together({
    executor: {
      execute(step, options) {
        const told = [...readProgress(lab.store())].map(([service, { step: op }]) => `${service} ${op}`);
        if (step.op === 'borg-create') seen[step.at] = told;
        if (step.op === 'containers-stop') seen.all = told.sort();
        return executor.execute(step, options);
      },
    },
  });
  expect(seen).toEqual({
    all: ['git containers-stop', 'photo containers-stop'],
    photo: ['photo borg-create'],
    git: ['git borg-create'],
  });
});

describe('when the process dies', () => {
  const where = ['nothing', 'half', 'all'] as const;
  const ops: Step['op'][] = [
    ...(['container-exec', 'containers-stop', 'zfs-snapshot', 'containers-start'] as const),
    ...(['borg-create', 'zfs-destroy-snapshots', 'borg-delete', 'borg-compact'] as const),
  ];
  const places = ops.flatMap((op) => where.map((after) => [op, after] as const));

  it.each(places)(
    'at %s with %s of it done, all is put right, and what is in doubt is asked',
    async (op, after) => {
      lab.host.faults = { steps: [{ when: { op }, how: 'freeze', after }] };
      await Promise.race([together(), lab.host.crashed]);
      lab.restart();
      lab.host.faults = {};
      await lab.settleRuns();
      expect(await running()).toEqual(all);
      expect(snapshots()).toEqual([]);
      expect(readUndo(lab.store())).toEqual([]);
      expect(inDoubt().sort()).toEqual(['git', 'photo'].map((each) => `/backup/datapool_services_${each}`));
      expect(readRuns(lab.store(), null, 2).map(({ result }) => result)).toEqual([
        'interrupted',
        'interrupted',
      ]);
    },
  );
});

it('one that has failed and was then cut short says both', () => {
  const parts = [
    { service: 'photo', steps: [2], containers: [] },
    { service: 'git', steps: [1, 3], containers: [] },
  ];
  const change = { steps: Array(4).fill({ op: 'zfs-snapshot' }), parts } as unknown as Change;
  const failure = { failing: [], isLast: false, mayFail: false };
  const ends = partEnds(
    change,
    [
      { ...failure, at: 1, message: 'the hook failed', mayFail: true },
      { ...failure, at: 2, message: 'told to stop', isLast: true },
    ],
    [],
  );
  expect(ends.map(({ error }) => error)).toEqual(['told to stop', 'the hook failed; told to stop']);
});

describe('what fails for one service', () => {
  it.each<[Step['op'], number]>([
    ['borg-create', 2],
    ['zfs-destroy-snapshots', 2],
    ['borg-delete', 2],
    ['borg-compact', 1],
  ])('at %s, the other has its archive, and is pruned and cleared away', async (op, left) => {
    lab.host.faults = { steps: [photosOwn(op)] };
    const outcome = await together();
    expect(outcome.result).toBe('failed');
    expect(outcome.error).toMatch(/^photo: .*a simulated fault$/);
    expect(ends(outcome)).toEqual(['photo failed', 'git applied']);
    expect(kept('git')).toHaveLength(1);
    expect(kept('photo').length).toBeGreaterThanOrEqual(op === 'borg-create' ? 1 : left);
    expect(snapshots()).toEqual([]);
    expect(await running()).toEqual(all);
    expect(readUndo(lab.store())).toEqual([]);
  });

  it('the history, the records and what is in doubt are of that one alone', async () => {
    lab.host.faults = { steps: [photosOwn('borg-delete')] };
    const outcome = await together();
    const error = outcome.parts?.[0]?.error;
    expect(runs()).toEqual(['git done null', `photo failed ${error}`]);
    expect(record('photo')).toMatchObject({ attempts: 1, lastError: error });
    expect(record('git')).toMatchObject({ attempts: 0, lastError: null, stops: 0 });
    expect(inDoubt()).toEqual(['/backup/datapool_services_photo']);
    const [entry] = readHistory(lab.store(), 'backup:together').slice(-1);
    expect(entry).toMatchObject({ result: 'failed', error: `photo: ${error}` });
  });

  it('a snapshot that stays is in the journal, and goes with the next look', async () => {
    lab.host.faults = { steps: [photosOwn('zfs-destroy-snapshots', { times: 2 })] };
    expect(ends(await together())).toEqual(['photo failed', 'git applied']);
    expect(snapshots().every((name) => name.startsWith('datapool/services/photo'))).toBe(true);
    expect(readUndo(lab.store())).toMatchObject([{ step: { op: 'zfs-destroy-snapshots' } }]);
    await lab.settleRuns();
    expect(snapshots()).toEqual([]);
  });

  it('a hook after the snapshot is told, and keeps nobody from its archive', async () => {
    const hook = { matches: (step: Step) => step.op === 'container-exec' && step.argv[0] === 'go-on' };
    lab.host.faults = { steps: [{ when: hook, how: 'fail', after: 'nothing', times: 9, retryable: false }] };
    const outcome = await together();
    expect(ends(outcome)).toEqual(['photo failed', 'git applied']);
    const pruned = expect.stringMatching(/^deleted, as the retention says: (photo|git)-\S+$/);
    expect(outcome.parts?.map(({ notes }) => notes)).toEqual([
      [pruned, expect.stringMatching(/that is not tried again$/)],
      [pruned],
    ]);
    expect([kept('photo').length, kept('git').length]).toEqual([1, 1]);
  });

  it('what holds one back from pruning holds back no other', async () => {
    const { executor } = lab.host;
    const outcome = await together({
      executor: {
        async execute(step, options) {
          const facts = (await executor.execute(step, options)) ?? {};
          if (step.op !== 'borg-create' || step.at !== 'photo' || facts.archive === undefined) return facts;
          return { archive: { ...facts.archive, warnings: ['a file has changed'] } };
        },
      },
    });
    expect(outcome.result).toBe('applied');
    const [photo, git] = outcome.parts ?? [];
    expect(photo?.notes.join()).toMatch(/nothing was pruned: Borg warned about photo-/);
    expect(git?.notes).toEqual([expect.stringMatching(/^deleted, as the retention says: git-/)]);
    expect([kept('photo').length, kept('git').length]).toEqual([2, 1]);
  });
});

describe('what they share', () => {
  it('a container that does not come up is the matter of whose it is', async () => {
    const { executor } = lab.host;
    const outcome = await together({
      executor: {
        async execute(step, options) {
          if (step.op === 'containers-start') lab.host.drift({ drift: 'removeContainer', name: 'git-gitea' });
          return executor.execute(step, options);
        },
      },
    });
    expect(ends(outcome)).toEqual(['photo applied', 'git failed']);
    expect(outcome.error).toBe('git: container git-gitea was not started: it is gone');
    expect([kept('photo').length, kept('git').length]).toEqual([1, 1]);
  });

  it.each(['containers-stop', 'zfs-snapshot'] as const)('where %s fails, all have failed', async (op) => {
    lab.host.faults = { steps: [{ when: { op }, how: 'fail', after: 'half' }] };
    const outcome = await together();
    expect(ends(outcome)).toEqual(['photo failed', 'git failed']);
    expect(outcome.error).toMatch(/^photo, git: .*a simulated fault$/);
    expect(await running()).toEqual(all);
  });

  it('what was done by the time that Steward is told to stop is done', async () => {
    const stop = new AbortController();
    const { executor } = lab.host;
    const outcome = await together({
      signal: stop.signal,
      executor: {
        async execute(step, options) {
          const facts = await executor.execute(step, options);
          if (step.op === 'borg-compact' && isOf('photo')(step)) stop.abort();
          return facts;
        },
      },
    });
    expect(outcome.error).toBe('git: Steward was told to stop');
    expect(ends(outcome)).toEqual(['photo applied', 'git failed']);
    expect(snapshots()).toEqual([]);
  });
});

describe('a hook before the snapshot that fails', () => {
  const isHook = (name: string) => (step: Step) => step.op === 'container-exec' && step.argv[0] === name;

  beforeEach(() => {
    lab.host.faults = { steps: [{ when: { matches: isHook('checkpoint') }, how: 'fail', after: 'nothing' }] };
  });

  it('ends it before anything is stopped, and its hook after the snapshot is run', async () => {
    const before = lab.host.steps.length;
    const outcome = await together();
    expect(opsSince(before)).toEqual(['container-exec', 'container-exec']);
    expect(lab.host.steps.slice(before).map((step) => isHook('go-on')(step))).toEqual([false, true]);
    expect(ends(outcome)).toEqual(['photo failed', 'git skipped']);
    expect(outcome.parts?.[1]?.error).toMatch(/^nothing was stopped for it: photo: /);
    expect(readUndo(lab.store())).toEqual([]);
  });

  it('counts as an attempt of that one alone', async () => {
    await together();
    expect(record('photo')).toMatchObject({ attempts: 1, stops: 0 });
    expect(record('git')).toMatchObject({ attempts: 0, lastError: null });
    expect(readRuns(lab.store(), null, 1)).toMatchObject([{ service: 'photo', result: 'failed' }]);
  });
});
