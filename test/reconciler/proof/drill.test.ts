import { beforeEach, describe, expect, it } from 'vitest';
import type { Executor } from '../../../reconciler/apply/types.ts';
import { degraded } from '../../../reconciler/plan.ts';
import { doubtRepository, readBackup } from '../../../reconciler/state/backups.ts';
import { readProofs, writeManifest } from '../../../reconciler/state/proofs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Plan, Step } from '../../../reconciler/types.ts';
import {
  aDayLater,
  begin,
  dayMs,
  drilled,
  lab,
  location,
  noKey,
  ops,
  photo,
  proof,
  scratch,
  settle,
} from './proof-lab.ts';

describe('a restore drill', () => {
  beforeEach(async () => {
    await begin(photo(drilled, false));
    for (let file = 0; file < 10; file += 1) lab.host.writeData(`/datapool/services/photo/file-${file}`);
    await aDayLater();
  });

  const toSunday = () => lab.later(4 * dayMs);
  const where = ['nothing', 'half', 'all'] as const;

  it('takes a manifest with each archive, after the service runs again', () => {
    const all = ops();
    expect(all.indexOf('borg-manifest')).toBeGreaterThan(all.indexOf('containers-start'));
    expect(all.indexOf('borg-manifest')).toBe(all.indexOf('borg-create') + 1);
    expect(readProofs(lab.store()).manifests.get(location)?.archive).toBe('photo-2023-11-15T02:30:00Z');
  });

  it('restores the newest archive, proves it and leaves nothing behind', async () => {
    toSunday();
    const before = lab.host.steps.length;
    await settle();
    expect(ops(before).slice(-4)).toEqual([
      'scratch-create',
      'borg-extract-scratch',
      'borg-compare',
      'scratch-destroy',
    ]);
    expect(lab.host.steps.find(({ op }) => op === 'scratch-create')).not.toHaveProperty('runs');
    expect(proof('drill', 'photo')).toMatchObject({
      result: 'good',
      goodArchive: 'photo-2023-11-19T02:30:00Z',
    });
    expect(lab.host.state.datasets.has(scratch)).toBe(false);
    expect(readUndo(lab.store())).toEqual([]);
    expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [], reports: noKey });
  });

  it('is not taken for a backup where the repository had to be looked at first', async () => {
    lab.later(3 * dayMs + 5 * 3_600_000);
    await settle();
    doubtRepository(lab.store(), location);
    lab.later(4 * 3_600_000);
    const seen: (number | null | undefined)[] = [];
    const executor: Executor = {
      execute(step, options) {
        seen.push(readBackup(lab.store(), 'photo')?.runningSinceMs);
        return lab.host.executor.execute(step, options);
      },
    };
    const before = lab.host.steps.length;
    await lab.beside(await lab.cycle(), { executor });
    expect(ops(before).slice(0, 2)).toEqual(['borg-list', 'scratch-create']);
    expect(seen).toEqual([lab.now(), null, null, null, null]);
  });

  it('keeps the archive that it has proven, whatever the retention', async () => {
    toSunday();
    await settle();
    for (let day = 0; day < 5; day += 1) await aDayLater();
    const archives = [...lab.host.state.archives.values()].map(({ name }) => name).sort();
    expect(archives).toEqual(['19', '23', '24'].map((day) => `photo-2023-11-${day}T02:30:00Z`));
  });

  it('that differs fails with the first path, and nothing is pruned', async () => {
    toSunday();
    await lab.beside(await lab.cycle());
    const sample = { path: 'database/rows', size: 1, uid: 0, gid: 0, mode: '-rw-r--r--', sha256: 'x' };
    const kept = readProofs(lab.store()).manifests.get(location);
    const manifest = JSON.parse(kept?.text ?? '{}');
    writeManifest(lab.store(), location, { ...manifest, sample: [sample] });
    const [failed] = await settle();
    expect(failed).toMatchObject({ result: 'failed' });
    expect(failed?.error).toContain('database/rows has other content');
    expect(lab.host.state.datasets.has(scratch)).toBe(false);
    expect(readUndo(lab.store())).toEqual([]);
    expect(degraded((await lab.cycle()).plan as Plan)).toMatchObject([
      { id: 'backup:photo', reasons: [{ note: expect.stringMatching(/^restore drill: .*database\/rows/) }] },
    ]);
    const before = lab.host.steps.length;
    await aDayLater();
    expect(ops(before)).toContain('borg-create');
    expect(ops(before)).not.toContain('borg-delete');
    // The new archive is right: it was restored the same day, and all goes on.
    expect(proof('drill', 'photo')).toMatchObject({
      result: 'good',
      goodArchive: 'photo-2023-11-20T02:30:00Z',
    });
    await aDayLater();
    expect(ops(before)).toContain('borg-delete');
    expect(degraded((await lab.cycle()).plan as Plan)).toEqual([]);
  });

  it('does not touch a dataset of its name that is not its own', async () => {
    toSunday();
    await lab.beside(await lab.cycle());
    const parent = lab.host.state.datasets.get('datapool/services/photo');
    if (parent === undefined) throw new Error('no dataset');
    lab.host.state.datasets.set(scratch, { ...parent, name: scratch, local: {}, mountedAt: null });
    const [failed] = await settle();
    expect(failed?.error).toContain('was not made by this drill');
    expect(lab.host.state.datasets.has(scratch)).toBe(true);
    expect(readUndo(lab.store())).toEqual([]);
  });

  it('that cannot clear away its dataset does so later, whatever the nights between leave at its place', async () => {
    // Such a backup destroys its snapshot at the place where a drill destroys its dataset.
    lab.push(photo({ ...drilled, quiesce: 'none' }, false));
    toSunday();
    await lab.beside(await lab.cycle());
    lab.host.faults = {
      steps: [{ when: { op: 'scratch-destroy' }, how: 'fail', after: 'nothing', times: 2 }],
    };
    await settle();
    expect(lab.host.state.datasets.has(scratch)).toBe(true);
    const [left] = readUndo(lab.store());
    await aDayLater();
    expect(readUndo(lab.store())).toEqual([left]);
    await lab.settleRuns();
    expect(lab.host.state.datasets.has(scratch)).toBe(false);
    expect(readUndo(lab.store())).toEqual([]);
  });

  const steps: Step['op'][] = ['scratch-create', 'borg-extract-scratch', 'borg-compare', 'scratch-destroy'];
  const places = steps.flatMap((op) => where.map((after) => [op, after] as const));

  it.each(places)('that dies at %s with %s of it done leaves nothing, and comes again', async (op, after) => {
    toSunday();
    await lab.beside(await lab.cycle());
    const cycle = await lab.cycle();
    lab.host.faults = { steps: [{ when: { op }, how: 'freeze', after }] };
    await Promise.race([lab.beside(cycle), lab.host.crashed]);
    lab.restart();
    await lab.settleRuns();
    expect(lab.host.state.datasets.has(scratch)).toBe(false);
    expect(readUndo(lab.store())).toEqual([]);
    await settle();
    expect(proof('drill', 'photo')).toMatchObject({ result: 'good' });
    expect(lab.host.state.datasets.has(scratch)).toBe(false);
    expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [] });
  });

  it.each(places)(
    'that fails at %s with %s of it done leaves nothing, and comes again',
    async (op, after) => {
      toSunday();
      await lab.beside(await lab.cycle());
      lab.host.faults = { steps: [{ when: { op }, how: 'fail', after }] };
      await settle();
      lab.later(3_600_000);
      await lab.settleRuns();
      await settle();
      expect(proof('drill', 'photo')).toMatchObject({ result: 'good' });
      expect(lab.host.state.datasets.has(scratch)).toBe(false);
      expect(readUndo(lab.store())).toEqual([]);
    },
  );
});
