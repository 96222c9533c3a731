import { beforeEach, describe, expect, it } from 'vitest';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { StepFault } from '../../../simulator/faults.ts';
import { aDayLater, archives, dayMs, lab, names, opsSince, running, snapshots } from './saga-lab.ts';

/** What is left to be put right, and cannot be. */

const afterHook: StepFault['when'] = {
  matches: (step) => step.op === 'container-exec' && step.argv[0] === 'go-on',
};
const broken: StepFault = { when: afterHook, how: 'fail', after: 'nothing', times: 99, retryable: false };

/** A backup whose process dies right after its snapshot. */
async function dies(): Promise<void> {
  lab.later(dayMs);
  const cycle = await lab.cycle();
  lab.host.faults = { steps: [{ when: { op: 'zfs-snapshot' }, how: 'freeze', after: 'all' }] };
  await Promise.race([lab.beside(cycle), lab.host.crashed]);
  lab.restart();
  lab.host.faults = {};
}

const left = () => readUndo(lab.store()).map(({ step }) => step.op);
const id = (name: string) =>
  [...lab.host.state.containers.values()].find((container) => container.name === name)?.id ?? '';

describe('a hook after the snapshot that fails whenever it is run', () => {
  it('is run twice by its own backup, then told and left', async () => {
    lab.host.faults = { steps: [broken] };
    const before = lab.host.steps.length;
    const outcome = (await aDayLater()).at(-1);
    expect(outcome?.result).toBe('failed');
    expect(outcome?.notes?.join()).toContain('; that is not tried again');
    // One before the snapshot, and twice the one after it.
    expect(opsSince(before).filter((op) => op === 'container-exec')).toHaveLength(3);
    expect(left()).toEqual([]);
    expect(archives()).toHaveLength(1);
    expect(snapshots()).toEqual([]);
  });

  it('is run once for a backup that has died, then told, there and in its history, and left', async () => {
    await dies();
    lab.host.faults = { steps: [broken] };
    const [settled] = await lab.settleRuns();
    expect(settled).toMatchObject({
      done: ['containers-start', 'zfs-destroy-snapshots'],
      failed: [],
      notes: [expect.stringMatching(/a simulated fault; that is not tried again$/)],
    });
    expect(left()).toEqual([]);
    const [run] = readRuns(lab.store(), 'photo', 1);
    expect(run).toMatchObject({ result: 'interrupted', notes: settled?.notes });
    expect(await running()).toEqual(names);
    expect(snapshots()).toEqual([]);
  });
});

describe('a hook after the snapshot waits for the next look', () => {
  beforeEach(dies);

  it('where Docker does not answer', async () => {
    lab.host.drift({ drift: 'stopDocker' });
    await lab.settleRuns();
    expect(left()).toEqual(['containers-start', 'container-exec']);
    lab.host.drift({ drift: 'startDocker' });
    const [settled] = await lab.settleRuns();
    expect(settled).toMatchObject({ done: ['containers-start', 'container-exec'], failed: [], notes: [] });
    expect(left()).toEqual([]);
  });

  it('where its container could not be started', async () => {
    lab.host.faults = { steps: [{ when: { op: 'containers-start' }, how: 'fail', after: 'nothing' }] };
    const before = lab.host.steps.length;
    await lab.settleRuns();
    expect(opsSince(before)).toEqual(['containers-start', 'zfs-destroy-snapshots']);
    await lab.settleRuns();
    expect(opsSince(before).slice(2)).toEqual(['containers-start', 'container-exec']);
    expect(left()).toEqual([]);
  });
});

describe('a container that is not what it was', () => {
  beforeEach(dies);

  it('is gone for good: that is told once, and all else is put right', async () => {
    lab.host.drift({ drift: 'removeContainer', name: 'photo-db' });
    const [settled] = await lab.settleRuns();
    expect(settled).toMatchObject({
      failed: [],
      notes: [
        'container photo-db was not started: it is gone',
        'go-on in container photo-db was not run: the container is gone; that is not tried again',
      ],
    });
    expect(left()).toEqual([]);
    expect(await running()).toEqual(['photo-server']);
    expect(snapshots()).toEqual([]);
  });

  it('was replaced: it is found by its name, and so is it for its hook', async () => {
    const old = lab.host.state.containers.get(id('photo-db'));
    if (old === undefined) throw new Error('there is no database');
    lab.host.state.containers.delete(old.id);
    lab.host.state.containers.set('another', { ...old, id: 'another' });
    const [settled] = await lab.settleRuns();
    expect(settled).toMatchObject({ failed: [], notes: [] });
    expect(settled?.done).toContain('container-exec');
    expect(await running()).toEqual(names);
  });
});
