import { afterEach, describe, expect, it } from 'vitest';
import type { DesiredContainer } from '../../desired-state/types.ts';
import type { Inputs } from '../../reconciler/kinds/stack/made.ts';
import { readInventory } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

/** A container that does not carry all that it was made from. */

const key = '#aaaaaaaaaaaa';
const token = (digit: number) => `${key}#${String(digit).repeat(12)}`;
let lab: LabRun | undefined;
afterEach(() => lab?.end());

const stack = (inputs: Inputs | undefined, over: Partial<DesiredContainer> = {}) =>
  build.stack('photo', {
    inputDigest: JSON.stringify(inputs ?? null),
    containers: [
      build.container('server', { ...(inputs === undefined ? {} : { inputs }), ...over }),
      build.container('database'),
    ],
  });
const state = (inputs: Inputs | undefined, over: Partial<DesiredContainer> = {}) =>
  build.desired([stack(inputs, over)]);

const start = async (inputs: Inputs | undefined, over: Partial<DesiredContainer> = {}) => {
  lab = labRun(state(inputs, over));
  await lab.cycle();
  return lab;
};
const recreated = (run: LabRun) =>
  Object.entries(run.host.containerCounts()).map(([name, { recreations }]) => [name, recreations]);
const steps = (cycle: Awaited<ReturnType<LabRun['cycle']>>) =>
  cycle.plan?.changes.flatMap((change) =>
    change.steps.flatMap((step) =>
      step.op === 'compose-up' ? [[step.services.join(), step.build, step.forceRecreate]] : [],
    ),
  );

describe('a container', () => {
  it('whose secret was changed is made anew, it alone and once, and the value is not told', async () => {
    const run = await start({ 'secrets.tok': token(1) });
    run.push(state({ 'secrets.tok': token(2) }));
    const cycle = await run.cycle();
    expect(steps(cycle)).toEqual([['server', false, true]]);
    expect(cycle.plan?.changes[0]?.reasons).toEqual([
      { field: 'secrets.tok', from: null, to: null, note: 'changed; value not shown', container: 'server' },
    ]);
    expect((await run.cycle()).result).toBe('converged');
    expect(recreated(run)).toEqual([
      ['photo-server', 1],
      ['photo-database', 0],
    ]);
  });

  it('whose volume has another name is made anew, and both names are told', async () => {
    const run = await start({ 'volumes.data': 'photo_a' });
    run.push(state({ 'volumes.data': 'photo_b' }));
    const cycle = await run.cycle();
    expect(cycle.plan?.changes[0]?.reasons).toMatchObject([
      { field: 'volumes.data', from: 'photo_a', to: 'photo_b' },
    ]);
    expect(recreated(run)[0]).toEqual(['photo-server', 1]);
  });

  it('whose image is built otherwise is built again, and made anew by compose if another image comes of it', async () => {
    const run = await start({ 'build.target': 'dev' }, { build: true });
    run.push(state({ 'build.target': 'dev', 'build.args.V': '#bbbbbbbbbbbb' }, { build: true }));
    expect(steps(await run.cycle())).toEqual([['server', true, false]]);
    expect((await run.cycle()).result).toBe('converged');
  });

  it('of another configuration is built again as well where that has changed too', async () => {
    const run = await start({ 'build.target': 'dev' }, { build: true });
    run.push(state({ 'build.target': 'prod' }, { build: true, configHash: 'other' }));
    expect(steps(await run.cycle())).toEqual([['server', true, false]]);
  });

  it('that an older Steward made stays as it is, and from then on a change is seen', async () => {
    const run = await start(undefined);
    run.push(state({ 'secrets.tok': token(1), 'volumes.data': 'photo_a', 'build.args.V': '#bbbbbbbbbbbb' }));
    expect((await run.cycle()).result).toBe('converged');
    run.push(state({ 'secrets.tok': token(2), 'volumes.data': 'photo_a', 'build.args.V': '#bbbbbbbbbbbb' }));
    await run.cycle();
    expect(recreated(run)[0]).toEqual(['photo-server', 1]);
  });

  it('is not made anew where only the key of the digests is another', async () => {
    const run = await start({ 'secrets.tok': token(1) });
    run.push(state({ 'secrets.tok': `#bbbbbbbbbbbb#${'2'.repeat(12)}` }));
    expect((await run.cycle()).result).toBe('converged');
  });

  it('that does not become healthy with a new secret is not made anew again and again', async () => {
    const run = await start({ 'secrets.tok': token(1) }, { hasHealthcheck: true });
    run.host.behave('photo/server', { becomes: 'unhealthy' });
    run.push(state({ 'secrets.tok': token(2) }, { hasHealthcheck: true }));
    for (const _ of [1, 2, 3]) {
      await run.cycle();
      run.later(3_600_000);
    }
    expect(recreated(run)[0]).toEqual(['photo-server', 1]);
    run.push(state({ 'secrets.tok': token(1) }, { hasHealthcheck: true }));
    await run.cycle();
    expect(recreated(run)[0]).toEqual(['photo-server', 2]);
  });

  it('that never became healthy gets the secret that is right', async () => {
    lab = labRun(state({ 'secrets.tok': token(1) }, { hasHealthcheck: true }));
    lab.host.behave('photo/server', { becomes: 'unhealthy' });
    await lab.cycle();
    lab.push(state({ 'secrets.tok': token(2) }, { hasHealthcheck: true }));
    await lab.cycle();
    expect(recreated(lab)[0]).toEqual(['photo-server', 1]);
  });

  it.each(['nothing', 'all'] as const)(
    'is made anew for certain where Steward died as compose was at it, with %s done, and Git went back',
    async (after) => {
      const run = await start({ 'secrets.tok': token(1) });
      run.push(state({ 'secrets.tok': token(2) }));
      run.host.faults = { steps: [{ when: { op: 'compose-up' }, how: 'die', after }] };
      await Promise.race([run.cycle(), run.host.crashed]);
      run.restart();
      run.push(state({ 'secrets.tok': token(1) }));
      expect(steps(await run.cycle())).toEqual([['server', false, true]]);
      expect((await run.cycle()).result).toBe('converged');
    },
  );

  it('that is only started is not taken for one that is made', async () => {
    const run = await start({ 'secrets.tok': token(1) });
    run.host.drift({ drift: 'killContainer', name: 'photo-server' });
    run.host.faults = { steps: [{ when: { op: 'compose-up' }, how: 'fail', after: 'all' }] };
    await run.cycle();
    const entry = readInventory(run.store()).entries.get('compose-stack:photo');
    expect(entry?.data.made).toEqual({ server: { 'secrets.tok': token(1) } });
  });
});

describe('a network that compose made', () => {
  const closed = (isInternal: boolean) =>
    build.desired([
      build.stack('photo', {
        inputDigest: String(isInternal),
        containers: [
          build.container('server', { networks: ['photo_back'], ownNetworks: { photo_back: isInternal } }),
        ],
      }),
    ]);

  it.each([
    [true, 'open to the outside', 'internal'],
    [false, 'internal', 'open to the outside'],
  ])(
    'and that Git says otherwise of (internal: %s) is told with what to do',
    async (isInternal, from, to) => {
      lab = labRun(closed(!isInternal));
      await lab.cycle();
      expect((await lab.cycle()).result).toBe('converged');
      lab.push(closed(isInternal));
      const cycle = await lab.cycle();
      expect(cycle.plan?.blocked).toMatchObject([
        {
          id: 'compose-stack:photo',
          state: 'conflict',
          reasons: [
            { field: 'network', from, to, note: expect.stringContaining('docker compose -p photo down') },
          ],
        },
      ]);
      expect(cycle.plan?.changes).toEqual([]);
    },
  );
});

it('a volume that stands for another folder than Git says is told, and nothing stops for it', async () => {
  const at = (folder: string) =>
    build.desired([
      build.stack('photo', {
        inputDigest: folder,
        containers: [build.container('server', { bindMounts: [folder], volumeFolders: { photo_v: folder } })],
      }),
    ]);
  lab = labRun(at('/srv/a'));
  await lab.cycle();
  expect((await lab.cycle()).result).toBe('converged');
  lab.push(at('/srv/b'));
  const cycle = await lab.cycle();
  expect(cycle.plan?.changes).toEqual([]);
  expect(cycle.plan?.blocked).toMatchObject([
    { state: 'conflict', reasons: [{ to: '/srv/b', note: expect.stringContaining('another name in Git') }] },
  ]);
});
