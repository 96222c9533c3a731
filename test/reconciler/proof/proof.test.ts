import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { editProof, proofKey, readProofs, writeManifest } from '../../../reconciler/state/proofs.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import type { Step } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';
import { type LabRun, labRun } from '../../support/lab-run.ts';

const dayMs = 86_400_000;
const location = '/backup/datapool_services_photo';
const scratch = 'datapool/services/steward-drill-photo';
/** Nobody exports keys here. */
const noKey = [{ state: 'key-not-exported' }];
const weekly = { cron: '0 6 * * 0', timezone: 'UTC' };

function photo(over: Parameters<typeof build.backup>[1] = {}, checked = true) {
  const check = checked ? { ...weekly, maxSeconds: 1800 } : null;
  const verifyData = checked ? { cron: '0 7 1 * *', timezone: 'UTC' } : null;
  return build.desired([
    build.dataset('datapool/services', { setsMountpoint: true, service: null }),
    build.dataset('datapool/services/photo', { needs: ['zfs-dataset:datapool/services'] }),
    build.stack('photo'),
    build.repository('photo', { check, verifyData }),
    build.backup('photo', over),
  ]);
}

let lab: LabRun;

async function begin(desired: ReturnType<typeof photo>): Promise<void> {
  lab = labRun(desired);
  await lab.cycle();
  lab.later(60_000);
}

afterEach(() => lab.end());

/** As the loop does it: what was found due is done, and looked at again until nothing is. */
async function settle() {
  const all = [];
  for (let look = 0; look < 5; look += 1) {
    const outcomes = await lab.beside(await lab.cycle());
    all.push(...outcomes);
    if (outcomes.length === 0) break;
  }
  return all;
}

async function aDayLater() {
  lab.later(dayMs);
  return await settle();
}

const proof = (kind: 'partial' | 'full' | 'verify-data' | 'drill', subject = location) =>
  readProofs(lab.store()).proofs.get(proofKey(kind, subject));
const ops = (from = 0) => lab.host.steps.slice(from).map(({ op }: Step) => op);
const modes = () => lab.host.steps.flatMap((step: Step) => (step.op === 'borg-check' ? [step.mode] : []));

function damage(what: 'index' | 'data' | null): void {
  const found = lab.host.state.repositories.get(location);
  if (found === undefined) throw new Error('no repository');
  const { damage: _before, ...whole } = found;
  lab.host.state.repositories.set(location, what === null ? whole : { ...whole, damage: what });
}

describe('checks', () => {
  // The clock begins on Tuesday, 14 November 2023.
  beforeEach(() => begin(photo()));

  it('come once for each tick, partial ones weekly and the whole data monthly', async () => {
    for (let day = 0; day < 35; day += 1) await aDayLater();
    expect(modes()).toEqual(['partial', 'partial', 'verify-data', 'partial', 'partial', 'partial']);
    expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [], reports: noKey });
  });

  it('wait for a backup that is due, and are no attempt to make one', async () => {
    lab.later(6 * dayMs);
    const outcomes = await settle();
    expect(outcomes.map(({ change }) => change.steps.at(0)?.op)).toEqual([
      'borg-init',
      'containers-stop',
      'borg-check',
    ]);
    const lines = readRuns(lab.store(), 'photo', 9).map(({ what }) => what);
    expect(lines).toEqual(['archive', 'partial']);
  });

  it('that fail on the way are tried again later, and keep no backup', async () => {
    lab.later(6 * dayMs);
    lab.host.faults = { steps: [{ when: { op: 'borg-check' }, how: 'fail', after: 'nothing' }] };
    const [failed] = (await settle()).filter(({ result }) => result === 'failed');
    expect(failed?.error).toContain('simulated fault');
    expect(proof('partial')).toMatchObject({ result: null, attempts: 1 });
    expect((await lab.cycle()).plan?.reports).toMatchObject([{ state: 'degraded' }]);
    lab.later(3_600_000);
    await settle();
    expect(proof('partial')).toMatchObject({ result: 'good', attempts: 0 });
  });

  it('that find damage fail with what to do, and nothing is pruned until a complete one is clean', async () => {
    lab.push(photo({ retention: { daily: 2 } }));
    for (let day = 0; day < 4; day += 1) await aDayLater();
    damage('index');
    const [failed] = (await aDayLater()).filter(({ result }) => result === 'failed');
    expect(failed?.error).toContain('borg check found damage');
    expect(proof('partial')).toMatchObject({ result: 'bad' });
    const before = lab.host.steps.length;
    lab.later(dayMs);
    const { plan } = await lab.cycle({ dry: true });
    const [backup] = (plan?.changes ?? []).filter(({ kind }) => kind === 'backup');
    expect(backup?.reasons.at(-1)?.note).toContain('nothing is pruned until a complete check is clean');
    await settle();
    expect(ops(before)).not.toContain('borg-delete');
    expect(modes().at(-1)).toBe('full');
    damage(null);
    await aDayLater();
    expect(proof('full')).toMatchObject({ result: 'good' });
    await aDayLater();
    expect(ops(before)).toContain('borg-delete');
  });

  it('that end while a prune is already planned have it planned again', async () => {
    lab.push(photo({ retention: { daily: 2 } }));
    for (let day = 0; day < 3; day += 1) await aDayLater();
    lab.later(dayMs);
    const stale = await lab.cycle();
    editProof(lab.store(), 'full', location, () => ({
      atMs: lab.now(),
      result: 'bad',
      message: 'segment 7',
    }));
    const [outcome] = await lab.beside(stale);
    expect(outcome).toMatchObject({ result: 'skipped', error: expect.stringContaining('segment 7') });
    const before = lab.host.steps.length;
    await settle();
    expect(ops(before)).toContain('borg-create');
    expect(ops(before)).not.toContain('borg-delete');
  });

  it('that found damage in the data are made up for by one that reads the data', async () => {
    lab.later(16 * dayMs);
    await settle();
    damage('data');
    await aDayLater();
    await aDayLater();
    expect(proof('verify-data')).toMatchObject({ result: 'bad' });
    damage(null);
    for (let day = 0; day < 2; day += 1) await aDayLater();
    expect(modes().at(-1)).toBe('verify-data');
    expect((await lab.cycle()).plan?.reports).toMatchObject(noKey);
  });
});

const drilled = { drill: { ...weekly, start: false }, retention: { daily: 2 } };

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
    expect(proof('drill', 'photo')).toMatchObject({
      result: 'good',
      goodArchive: 'photo-2023-11-19T02:30:00Z',
    });
    expect(lab.host.state.datasets.has(scratch)).toBe(false);
    expect(readUndo(lab.store())).toEqual([]);
    expect((await lab.cycle()).plan).toMatchObject({ changes: [], blocked: [], reports: noKey });
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

  const steps: Step['op'][] = ['scratch-create', 'borg-extract-scratch', 'borg-compare', 'scratch-destroy'];
  const places = steps.flatMap((op) => where.map((after) => [op, after] as const));

  describe('that starts the stack as well', () => {
    const drill = { cron: '0 5 * * 0', timezone: 'UTC', start: true };
    const project = 'steward-drill-photo';

    beforeEach(async () => {
      lab.push(photo({ ...drilled, drill }, false));
      toSunday();
      await lab.beside(await lab.cycle());
    });

    it('does so on what was restored and compared, and stops it before that goes', async () => {
      const before = lab.host.steps.length;
      await settle();
      const all = [
        'scratch-create',
        'borg-extract-scratch',
        'borg-compare',
        'drill-start',
        'drill-stop',
        'scratch-destroy',
      ];
      expect(ops(before)).toEqual(all);
      expect(lab.host.steps.find(({ op }) => op === 'drill-start')).toMatchObject({
        ...{ service: 'photo', project, from: '/datapool/services/photo', stack: { project: 'photo' } },
        guard: { dataset: scratch, mountpoint: '/run/steward/drill/photo' },
      });
      expect(proof('drill', 'photo')).toMatchObject({
        result: 'good',
        goodArchive: 'photo-2023-11-19T02:30:00Z',
      });
      expect(lab.host.state.settings.has(project)).toBe(false);
    });

    const ends = (['borg-compare', 'drill-start', 'drill-stop', 'scratch-destroy'] as const).flatMap((op) =>
      where.map((after) => [op, after] as const),
    );

    it.each(ends)(
      'and dies at %s with %s of it done, leaves nothing, and is made up for',
      async (op, after) => {
        const cycle = await lab.cycle();
        lab.host.faults = { steps: [{ when: { op }, how: 'freeze', after }] };
        await Promise.race([lab.beside(cycle), lab.host.crashed]);
        lab.restart();
        await lab.settleRuns();
        expect([lab.host.state.settings.has(project), lab.host.state.datasets.has(scratch)]).toEqual([
          false,
          false,
        ]);
        expect(readUndo(lab.store())).toEqual([]);
        await settle();
        expect(proof('drill', 'photo')).toMatchObject({ result: 'good' });
      },
    );
  });

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
