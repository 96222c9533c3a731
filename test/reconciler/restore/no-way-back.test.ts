import { afterEach, beforeEach, expect, it } from 'vitest';
import { giveUpWayBack, withoutWayBack } from '../../../reconciler/restore/no-way-back.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import { photo, type RestoreLab, restoreLab } from './lab.ts';

/** A restore that a power cut has ended half-way, and somebody has destroyed the snapshot that it would go back to. */

let lab: RestoreLab;
beforeEach(async () => {
  lab = await restoreLab();
  lab.host.faults = { steps: [{ when: { op: 'borg-extract' }, how: 'freeze', after: 'half', times: 1 }] };
  await Promise.race([lab.restore(), lab.host.crashed]);
  lab.restart();
});
afterEach(() => lab.end());

const snapshots = () => [...lab.host.state.snapshots.values()].map(({ name }) => name);
const dead = () => withoutWayBack(readUndo(lab.store()), 'photo', new Set(snapshots()));

function destroyOne(): void {
  for (const [key, { name }] of [...lab.host.state.snapshots.entries()])
    if (name.startsWith(`${photo}@`)) lab.host.state.snapshots.delete(key);
}

it('has a way back while all of its snapshots are there, also where it cannot be gone just now', () => {
  expect(dead()).toEqual([]);
  expect(withoutWayBack(readUndo(lab.store()), 'other', new Set())).toEqual([]);
});

it('stays down without one, until all of it is restored anew; then what ran before runs', async () => {
  destroyOne();
  await lab.settleRuns();
  expect(await lab.running()).toEqual([]);
  expect((await lab.cycle()).plan?.blocked.map(({ id }) => id)).toContain('compose-stack:photo');
  lab.later(60_000);
  expect(await lab.restore()).toMatchObject({ result: 'applied' });
  expect(await lab.running()).toEqual([]);
  giveUpWayBack(lab.store(), dead());
  await lab.settleRuns();
  expect(await lab.running()).toEqual(['photo-db', 'photo-server']);
  expect(readUndo(lab.store())).toEqual([]);
  expect((await lab.cycle()).plan?.blocked).toEqual([]);
});

it('is where it was when the second restore is taken back', async () => {
  destroyOne();
  await lab.settleRuns();
  lab.host.faults = { steps: [{ when: { op: 'borg-extract' }, how: 'fail', after: 'half', message: 'cut' }] };
  lab.later(60_000);
  expect(await lab.restore()).toMatchObject({ result: 'failed' });
  await lab.settleRuns();
  expect(await lab.running()).toEqual([]);
  expect(dead().map(({ step }) => step.op)).toContain('zfs-rollback');
});
