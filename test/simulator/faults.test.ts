import { describe, expect, it } from 'vitest';
import { StepError } from '../../reconciler/apply/types.ts';
import type { Step } from '../../reconciler/types.ts';
import { SimulatedCrash } from '../../simulator/errors.ts';
import type { FaultPlan } from '../../simulator/faults.ts';
import { aService, containers, hostWith, run, up } from '../support/simulated.ts';

const dataset: Step = { op: 'zfs-create', dataset: 'datapool/a', properties: {}, mountpoint: '/datapool/a' };
const directory: Step = {
  op: 'directory-create',
  path: '/datapool/a/b',
  guard: { dataset: 'datapool/a', mountpoint: '/datapool/a' },
  uid: 7,
  gid: 7,
  mode: '0700',
};
const seen = async (host: ReturnType<typeof hostWith>) =>
  (await host.observer.observe({ paths: ['/datapool/a/b'] })).paths['/datapool/a/b'];

describe('a step that fails on purpose', () => {
  it.each([
    ['nothing', { type: 'absent' }],
    ['half', { type: 'directory', uid: 0, mode: '0000' }],
    ['all', { type: 'directory', uid: 7, mode: '0700' }],
  ] as const)('has done %s by then, and ends well the next time', async (after, value) => {
    const host = hostWith({}, { faults: { steps: [{ when: { number: 2 }, how: 'fail', after }] } });
    await run(host, dataset);
    await expect(run(host, directory)).rejects.toBeInstanceOf(StepError);
    expect(await seen(host)).toMatchObject({ known: true, value });
    await run(host, directory);
    expect(await seen(host)).toMatchObject({ value: { uid: 7, mode: '0700' } });
  });

  it.each<[string, FaultPlan]>([
    [
      'op',
      { steps: [{ when: { op: 'compose-up' }, how: 'fail', after: 'nothing', message: 'no space left' }] },
    ],
    [
      'predicate',
      {
        steps: [
          {
            when: { matches: (_step, number) => number > 1 },
            how: 'fail',
            after: 'nothing',
            message: 'no space left',
          },
        ],
      },
    ],
  ])('is chosen by %s, as often as is said', async (_case, faults) => {
    const host = hostWith({}, { faults });
    await run(host, dataset);
    await expect(run(host, up('s'))).rejects.toThrow('no space left');
    await run(host, up('s'));
  });

  it('can leave a stack with a container created and not started', async () => {
    const host = hostWith({ s: [aService({ name: 'app' })] });
    host.faults = { steps: [{ when: { op: 'compose-up' }, how: 'fail', after: 'half' }] };
    await expect(run(host, up('s'))).rejects.toThrow();
    expect((await containers(host))['s-app-1']?.state).toBe('created');
    await run(host, up('s'));
    expect((await containers(host))['s-app-1']?.state).toBe('running');
  });
});

describe('a process that dies in a step', () => {
  it('gets no answer any more, while what was done stays done', async () => {
    const host = hostWith({}, { faults: { steps: [{ when: { number: 1 }, how: 'die', after: 'all' }] } });
    await expect(run(host, dataset)).rejects.toBeInstanceOf(SimulatedCrash);
    await expect(run(host, directory)).rejects.toBeInstanceOf(SimulatedCrash);
    await expect(host.observer.observe({ paths: [] })).rejects.toBeInstanceOf(SimulatedCrash);
    host.revive();
    await run(host, directory);
    expect(await seen(host)).toMatchObject({ value: { uid: 7 } });
  });

  it('can simply stop, with the test being told', async () => {
    const host = hostWith({}, { faults: { steps: [{ when: {}, how: 'freeze', after: 'nothing' }] } });
    const step = run(host, dataset).then(() => 'ended');
    expect(await Promise.race([step, host.crashed])).toBeInstanceOf(SimulatedCrash);
  });
});

describe('a tool that does not answer', () => {
  it.each(['zfs', 'docker', 'system'] as const)(
    'makes %s unknown and leaves the rest known',
    async (name) => {
      const host = hostWith({}, { faults: { observe: { [name]: 'unknown' } } });
      const { paths: _paths, ...parts } = await host.observer.observe({ paths: [] });
      const unknown = Object.entries(parts).filter(([, part]) => part?.known === false);
      expect(unknown.map(([part]) => part)).toEqual([name]);
    },
  );

  it('hangs until the caller gives up', async () => {
    const host = hostWith({}, { faults: { observe: { zfs: 'hanging' } } });
    const giveUp = new AbortController();
    const asked = host.observer.observe({ paths: ['/'], signal: giveUp.signal });
    const first = await Promise.race([
      asked,
      new Promise((resolve) => setImmediate(resolve, 'still waiting')),
    ]);
    expect(first).toBe('still waiting');
    giveUp.abort();
    expect((await asked).zfs).toEqual({ known: false, error: 'zfs did not answer within 30 s' });
  });
});
