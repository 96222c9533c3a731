import { describe, expect, it } from 'vitest';
import { backupStatus } from '../../../cli/backup-status.ts';
import { pruneOf } from '../../../reconciler/backup/prune.ts';
import { readBackups } from '../../../reconciler/state/backups.ts';
import { readRuns } from '../../../reconciler/state/runs.ts';
import * as build from '../../support/build.ts';
import { aDayLater, archives, dayMs, desired, faultAt, lab, names, running } from './saga-lab.ts';

/** A dataset that somebody has made by hand inside the data of a service that ran well until then. */

const library = 'datapool/services/photo/library';
const said = `${library} at /${library} is inside the data of photo and in no archive of it`;
const makeByHand = () => lab.host.drift({ drift: 'createDataset', dataset: library, properties: {} });

async function days(count: number): Promise<void> {
  for (let day = 0; day < count; day += 1) await aDayLater();
}

describe('a dataset inside that Git does not know', () => {
  it('is named by the plan, which stays one with nothing to do', async () => {
    await days(1);
    makeByHand();
    const { plan, result } = await lab.cycle();
    expect(result).toBe('converged');
    expect(plan?.reports.filter(({ kind }) => kind === 'backup')).toMatchObject([
      {
        verb: 'report',
        id: 'backup:photo',
        state: 'degraded',
        reasons: [{ note: expect.stringContaining(said) }],
      },
    ]);
    expect(plan?.inSync).not.toContain('backup:photo');
  });

  it('keeps no archive from being made, stops nothing for longer, and is in the notes of the run', async () => {
    makeByHand();
    const outcomes = await aDayLater();
    expect(outcomes.map(({ result }) => result)).toEqual(['applied', 'applied']);
    expect(outcomes.at(-1)?.change.reasons).toContainEqual(
      expect.objectContaining({ field: 'uncovered', note: expect.stringContaining(said) }),
    );
    const [run] = readRuns(lab.store(), 'photo', 1);
    expect(run).toMatchObject({ result: 'done', notes: [expect.stringContaining(said)] });
    expect(archives()).toHaveLength(1);
    expect(await running()).toEqual(names);
  });

  it('is told by the status from what is recorded, until Git declares it', async () => {
    makeByHand();
    await lab.cycle();
    const told = () =>
      backupStatus(desired, { backups: readBackups(lab.store()), lastRuns: new Map(), nowMs: lab.now() })[0];
    expect(told()?.uncovered).toEqual([expect.stringContaining(said)]);
    const backup = desired.resources.find((each) => each.kind === 'backup');
    if (backup === undefined) throw new Error('there is no backup');
    const child = { name: library, mountpoint: `/${library}` };
    const whole = { ...backup, datasets: [...backup.datasets, child] };
    const rest = desired.resources.filter(({ kind }) => kind !== 'backup');
    lab.push({ ...desired, resources: [...rest, build.dataset(library), whole] });
    await lab.cycle();
    expect(told()?.uncovered).toEqual([]);
    expect((await lab.cycle()).plan?.reports.map(({ state }) => state)).not.toContain('degraded');
  });

  it('is named beside what blocks the backup', async () => {
    makeByHand();
    lab.host.drift({ drift: 'stopDocker' });
    lab.later(dayMs);
    const { plan } = await lab.cycle({ dry: true });
    const notice = plan?.blocked.find(({ id }) => id === 'backup:photo');
    expect(notice?.reasons.map(({ note }) => note)).toEqual([
      expect.stringContaining('docker'),
      expect.stringContaining(said),
    ]);
  });
});

describe('what was archived before it was there', () => {
  it('stays, while that from afterwards is pruned as ever', async () => {
    await days(7);
    const before = archives();
    makeByHand();
    await lab.cycle();
    await days(10);
    const after = archives().filter((name) => !before.includes(name));
    expect(archives()).toEqual(expect.arrayContaining(before));
    expect(after).toHaveLength(7);
  });

  it.each([
    ['for one cycle', -400],
    ['for one cycle, by less than there are archives', -3],
    ['for one cycle, ahead', 400],
  ])('stays where the clock was wrong %s', async (_what, off) => {
    await days(7);
    const before = archives();
    makeByHand();
    await lab.cycle();
    lab.turnClock(off * dayMs);
    await lab.cycle();
    lab.turnClock(-off * dayMs);
    await lab.cycle();
    await days(10);
    expect(archives()).toEqual(expect.arrayContaining(before));
    expect(archives()).toHaveLength(before.length + 7);
  });

  it('stays where it was first seen by a clock that was behind', async () => {
    await days(7);
    const before = archives();
    lab.turnClock(-400 * dayMs);
    makeByHand();
    await lab.cycle();
    lab.turnClock(400 * dayMs);
    await days(10);
    expect(archives()).toEqual(expect.arrayContaining(before));
    expect(archives().length).toBeLessThan(before.length + 10);
  });

  it('stays where it was first seen by a clock that was ahead, and no more than that', async () => {
    await days(7);
    const before = archives();
    makeByHand();
    lab.turnClock(400 * dayMs);
    await lab.cycle();
    lab.turnClock(-400 * dayMs);
    await days(10);
    expect(archives()).toEqual(expect.arrayContaining(before));
    expect(archives().length).toBeLessThan(before.length + 10);
  });

  it('stays where a cut had left its archive unknown, and a clock that was behind saw it first', async () => {
    await days(6);
    lab.later(dayMs);
    const cycle = await lab.cycle();
    faultAt('borg-create', 'all', 'freeze');
    await Promise.race([lab.beside(cycle), lab.host.crashed]);
    const before = archives();
    expect(before).toHaveLength(7);
    lab.restart();
    lab.turnClock(-400 * dayMs);
    await lab.settleRuns();
    makeByHand();
    await lab.cycle();
    lab.turnClock(400 * dayMs);
    await days(10);
    expect(archives()).toEqual(expect.arrayContaining(before));
  });

  it('goes with the retention once Git leaves the place out', async () => {
    await days(7);
    const before = archives();
    makeByHand();
    await lab.cycle();
    const resources = desired.resources.map((each) =>
      each.kind === 'backup' ? { ...each, excludes: ['library/**'] } : each,
    );
    lab.push({ ...desired, resources });
    await days(3);
    expect(archives().filter((name) => before.includes(name))).toHaveLength(4);
  });

  it('stays where the plan is the first to see it, since nobody knows for how long', () => {
    const [made, old] = ['photo-2026-11-23T02:30:00Z', 'photo-2026-11-22T02:30:00Z'];
    const atMs = Date.parse('2026-11-23T02:30:00Z');
    const archive = {
      id: 'a',
      name: old,
      atMs: atMs - dayMs,
      clean: true,
      files: 1,
      originalBytes: 1,
      byHand: null,
    };
    const backup = build.backup('photo', { retention: { daily: 1 } });
    const steps = (sinceMs: number[]) =>
      pruneOf(
        backup,
        [archive],
        { name: made, atMs, byHand: false },
        {
          uncovered: sinceMs.map((since) => ({ source: 'x', mountpoint: '/x', sinceMs: since })),
        },
      ).map(({ op }) => op);
    expect(steps([])).toEqual(['borg-delete', 'borg-compact']);
    expect(steps([archive.atMs])).toEqual(['borg-delete', 'borg-compact']);
    expect(steps([0, archive.atMs + 1])).toEqual([]);
  });
});
