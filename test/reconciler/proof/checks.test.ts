import { beforeEach, describe, expect, it } from 'vitest';
import { editProof } from '../../../reconciler/state/proofs.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import {
  aDayLater,
  begin,
  damage,
  dayMs,
  lab,
  location,
  modes,
  noKey,
  ops,
  photo,
  proof,
  settle,
} from './proof-lab.ts';

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
    const [held] = readRuns(lab.store(), 'photo', 10).filter(
      ({ atMs, what }) => what === 'archive' && atMs === lab.now(),
    );
    expect(held?.notes).toEqual([
      expect.stringMatching(/^nothing is pruned until a complete check is clean/),
    ]);
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
