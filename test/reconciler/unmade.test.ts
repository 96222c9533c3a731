import { afterEach, describe, expect, it } from 'vitest';
import type { Inputs } from '../../reconciler/kinds/stack/made.ts';
import { type Making, settledMaking } from '../../reconciler/kinds/stack/making.ts';
import { readInventory } from '../../reconciler/state/inventory.ts';
import type { StepFault } from '../../simulator/faults.ts';
import * as build from '../support/build.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

/** Compose was told to make containers anew, and ended with an error: what of them it has made is made, and no more. */

let lab: LabRun | undefined;
afterEach(() => {
  lab?.end();
  lab = undefined;
});

const token = (digit: number) => `#aaaaaaaaaaaa#${String(digit).repeat(12)}`;
/** Both containers are made anew for another `version`, the database for another secret besides. */
const state = (version: string, digit = 1) =>
  build.desired([
    build.stack('photo', {
      inputDigest: `${version} ${digit}`,
      containers: [
        build.container('database', {
          configHash: `database-${version}`,
          inputs: { 'secrets.pw': token(digit) },
        }),
        build.container('server', { configHash: `server-${version}` }),
      ],
    }),
  ]);
const start = async () => {
  lab = labRun(state('one'));
  await lab.cycle();
  return lab;
};
const fail = (run: LabRun, after: StepFault['after'], how: StepFault['how'] = 'fail') => {
  run.host.faults = { steps: [{ when: { op: 'compose-up' }, how, after }] };
};
const databases = (run: LabRun) => run.host.containerCounts()['photo-database']?.recreations;
const kept = (run: LabRun) => readInventory(run.store()).entries.get('compose-stack:photo')?.data;

describe('a container that compose has not come to', () => {
  it.each([
    ['of another version', () => state('two')],
    ['with another secret', () => state('one', 2)],
  ])('%s runs on when Git goes back', async (_what, next) => {
    const run = await start();
    run.push(next());
    fail(run, 'nothing');
    expect((await run.cycle()).result).toBe('failed');
    run.push(state('one'));
    expect((await run.cycle()).result).toBe('converged');
    expect(databases(run)).toBe(0);
    expect(kept(run)).toMatchObject({ made: { database: { 'secrets.pw': token(1) } } });
    expect(kept(run)).not.toHaveProperty('making');
  });

  it('runs on after a second failure as well', async () => {
    const run = await start();
    for (const version of ['two', 'three']) {
      run.push(state(version, 2));
      fail(run, 'nothing');
      await run.cycle();
    }
    run.push(state('one'));
    expect((await run.cycle()).result).toBe('converged');
    expect(databases(run)).toBe(0);
  });

  it('is made anew once where Git stays as it is', async () => {
    const run = await start();
    run.push(state('one', 2));
    fail(run, 'nothing');
    await run.cycle();
    run.later(3_600_000);
    expect((await run.cycle()).result).toBe('changed');
    expect((await run.cycle()).result).toBe('converged');
    expect(databases(run)).toBe(1);
  });
});

describe('a container that compose has made before it failed', () => {
  it('at a first deployment is not made anew at the second try', async () => {
    lab = labRun(state('one'));
    fail(lab, 'half');
    expect((await lab.cycle()).result).toBe('failed');
    lab.later(3_600_000);
    expect((await lab.cycle()).result).toBe('changed');
    expect((await lab.cycle()).result).toBe('converged');
    expect(databases(lab)).toBe(0);
  });

  it('with another secret has that, and is made anew where Git goes back', async () => {
    const run = await start();
    run.push(state('one', 2));
    fail(run, 'all');
    await run.cycle();
    expect((await run.cycle()).result).toBe('converged');
    expect(databases(run)).toBe(1);
    run.push(state('one'));
    await run.cycle();
    expect(databases(run)).toBe(2);
  });
});

describe('nobody knows, and it is made anew for certain', () => {
  it.each(['nothing', 'all'] as const)('where Steward died with %s done', async (after) => {
    const run = await start();
    run.push(state('one', 2));
    fail(run, after, 'die');
    await Promise.race([run.cycle(), run.host.crashed]);
    run.restart();
    run.push(state('one'));
    expect((await run.cycle()).result).toBe('changed');
    expect(databases(run)).toBe(after === 'all' ? 2 : 1);
  });

  it('where the record is that of a Steward from before', async () => {
    const run = await start();
    const { id, data, ...entry } = readInventory(run.store()).entries.get('compose-stack:photo') ?? {};
    expect({ ...entry, id }).toMatchObject({ id: 'compose-stack:photo' });
    const made = JSON.stringify({ ...data, made: { database: null } });
    run.store().db.prepare('UPDATE resources SET data = ? WHERE id = ?').run(made, String(id));
    expect((await run.cycle()).result).toBe('changed');
    expect(databases(run)).toBe(1);
  });
});

describe('what the ids tell', () => {
  const [one, two]: Inputs[] = [{ 'secrets.pw': token(1) }, { 'secrets.pw': token(2) }];
  const seen = (id: string, over = {}) => build.seenContainer('server', { id, ...over });
  const tell = (over: Partial<Making>, found = [seen('a')]) => {
    const attempt = { ids: ['a'], before: one, to: two, failed: true as const, ...over };
    const making = { server: attempt as Making };
    return settledMaking({ made: { server: null, other: one ?? {} }, making }, found);
  };

  it.each<[string, Partial<Making>, ReturnType<typeof seen>[], object]>([
    ['all are there: as before', {}, [seen('a')], { server: one, other: one }],
    ['all are new, and were started: as given', {}, [seen('b'), seen('c')], { server: two, other: one }],
    ['new ones that have ended', {}, [seen('b', { state: 'exited' })], { server: two, other: one }],
    ['there was none before', { ids: [] }, [seen('b')], { server: two, other: one }],
  ])('%s', (_what, over, found, made) => {
    expect(tell(over, found)).toEqual({ made, making: {} });
  });

  it('that nobody has kept what it was made from, which is taken to be as Git says', () => {
    const { before: _none, ...attempt }: Making = { ids: ['a'], before: null, to: {}, failed: true };
    const told = settledMaking({ made: { server: null }, making: { server: attempt } }, [seen('a')]);
    expect(told).toEqual({ made: {}, making: {} });
  });

  const built = { 'build.context': '/x' };
  it.each<[string, Partial<Making>, ReturnType<typeof seen>[]]>([
    ['compose may be at it still', { failed: undefined as never }, [seen('a')]],
    ['nobody knew before', { before: null }, [seen('a')]],
    ['one of two is new', { ids: ['a', 'b'] }, [seen('a'), seen('c')]],
    ['one of two is gone', { ids: ['a', 'b'] }, [seen('a')]],
    ['one is there besides', {}, [seen('a'), seen('b')]],
    ['the new one was never started', {}, [seen('b', { state: 'created' })]],
    ['none is there', {}, []],
    ['its image may have been built anew', { to: built }, [seen('a')]],
    ['its image was built before', { before: built }, [seen('a')]],
  ])('nothing: %s', (_what, over, found) => {
    expect(tell(over, found)).toBeNull();
  });
});
