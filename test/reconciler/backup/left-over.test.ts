import { describe, expect, it } from 'vitest';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import { aDayLater, archives, lab, names, running, snapshots } from './saga-lab.ts';

/** What one night could not put right must outlive the nights after it. */

/** As ZFS says of a snapshot that somebody sends, holds or has cloned. */
function busy(times: number, matches = (_step: Step) => true): void {
  const when = { op: 'zfs-destroy-snapshots' as const, matches };
  const message = 'dataset is busy';
  lab.host.faults = { steps: [{ when, how: 'fail', after: 'nothing', times, message }] };
}

const firstNight = 'steward-2023-11-15T02:30:00Z';
const left = () => readUndo(lab.store()).map(({ step }) => step);

describe('a snapshot that its backup could not destroy', () => {
  it('is tried again at each look, and told, until it is gone, whatever the next nights leave', async () => {
    // Twice by its own backup, and at one look.
    busy(3, (step) => 'snapshots' in step && step.snapshots[0] === `datapool/services/photo@${firstNight}`);
    await aDayLater();
    const first = snapshots();
    expect(first).toEqual(
      ['photo', 'photo/database'].map((name) => `datapool/services/${name}@${firstNight}`),
    );
    await aDayLater();
    expect(archives()).toHaveLength(2);
    expect(snapshots()).toEqual(first);
    expect(await lab.settleRuns()).toMatchObject([
      { changeId: 'backup:photo', done: [], failed: ['dataset is busy'] },
    ]);
    await aDayLater();
    expect(snapshots()).toEqual(first);
    expect(await lab.settleRuns()).toMatchObject([
      { changeId: 'backup:photo', done: ['zfs-destroy-snapshots'], failed: [] },
    ]);
    expect(snapshots()).toEqual([]);
    expect(left()).toEqual([]);
  });

  it('is left once for each night of which it is left', async () => {
    busy(99);
    await aDayLater();
    await aDayLater();
    expect(left().map((step) => 'snapshots' in step && step.snapshots)).toEqual([
      snapshots().slice(2),
      snapshots().slice(0, 2),
    ]);
    expect(await lab.settleRuns()).toHaveLength(2);
    lab.host.faults = {};
    await lab.settleRuns();
    expect(snapshots()).toEqual([]);
  });

  it('is left once however often its tick is tried again', async () => {
    const failing = { how: 'fail', after: 'nothing', times: 99 } as const;
    lab.host.faults = {
      steps: [
        { when: { op: 'borg-create' }, ...failing },
        { when: { op: 'zfs-destroy-snapshots' }, ...failing },
      ],
    };
    await aDayLater();
    const before = lab.host.steps.length;
    for (let hour = 0; hour < 3; hour += 1) {
      lab.later(3_600_000);
      await lab.beside(await lab.cycle());
    }
    expect(lab.host.steps.slice(before).some(({ op }) => op === 'borg-create')).toBe(true);
    expect(left()).toHaveLength(1);
    expect(await running()).toEqual(names);
    lab.host.faults = {};
    await lab.beside(await lab.cycle());
    await lab.settleRuns();
    expect(left()).toEqual([]);
    expect(snapshots()).toEqual([]);
  });

  it('does not wait for one of another night that stays busy', async () => {
    busy(99);
    await aDayLater();
    const [held = ''] = snapshots();
    await aDayLater();
    busy(99, (step) => 'snapshots' in step && step.snapshots.includes(held));
    await lab.settleRuns();
    expect(snapshots()).toHaveLength(2);
    expect(snapshots()).toContain(held);
  });
});
