import { describe, expect, it } from 'vitest';
import type { Schedule } from '../../../reconciler/backup/schedule.ts';
import { readBackup } from '../../../reconciler/state/backups.ts';
import * as build from '../../support/build.ts';
import { aDayLater, archives, dayMs, desired, faultAt, lab, names, opsSince, running } from './saga-lab.ts';

const hourMs = 3_600_000;
const brokenUploads = () => {
  lab.host.faults = { steps: [{ when: { op: 'borg-create' }, how: 'fail', after: 'nothing', times: 1e6 }] };
};
const stops = (from = 0) => opsSince(from).filter((op) => op === 'containers-stop').length;

/** As the loop does it, and as often. */
async function loop(forMs: number): Promise<void> {
  for (const endMs = lab.now() + forMs; lab.now() < endMs; lab.later(300_000))
    await lab.beside(await lab.cycle());
}

function schedule(cron: string | null): void {
  const own: Schedule | null = cron === null ? null : { cron, timezone: 'UTC' };
  const others = desired.resources.filter(({ kind }) => kind !== 'backup');
  lab.push({ ...desired, resources: [...others, build.backup('photo', { schedule: own })] });
}

const noteOf = async () => (await lab.cycle()).plan?.blocked[0]?.reasons[0]?.note ?? '';

describe('uploads that fail although the repository answers', () => {
  it.each([
    // The first is tried again soon and an hour later, and then with the next tick.
    ['every night', '30 2 * * *', [3, 1, 1, 1]],
    ['every hour', '30 * * * *', [5, 3, 3, 3]],
    // Wednesday, the first of these days: a tick is not left alone for a week.
    ['every week', '30 2 * * 3', [3, 1, 1, 1]],
  ])('%s stop the service a few times a day at most', async (_name, cron, expected) => {
    schedule(cron);
    brokenUploads();
    const counted: number[] = [];
    for (const _day of expected) {
      const before = lab.host.steps.length;
      await loop(dayMs);
      counted.push(stops(before));
    }
    expect(counted).toEqual(expected);
    expect(await running()).toEqual(names);
  });

  it('say why the next attempt waits, until when, and how it is made at once', async () => {
    brokenUploads();
    await loop(dayMs / 2);
    expect(await noteOf()).toMatch(
      /simulated fault; 3 attempts in a row have stopped the service, so the next one is made at 2023-11-16T02:30:00Z, or now by steward backup run photo$/,
    );
  });

  it('are made up for with the next tick, and by hand at once; then all begins anew', async () => {
    brokenUploads();
    await loop(dayMs / 2);
    lab.host.faults = {};
    const asked = { services: ['photo'], atMs: lab.now(), together: false };
    await lab.beside(await lab.cycle({ dry: true, asked }));
    expect(archives()).toHaveLength(1);
    expect(readBackup(lab.store(), 'photo')).toMatchObject({ stops: 0, attempts: 0 });
    brokenUploads();
    await aDayLater();
    await loop(hourMs / 2);
    lab.host.faults = {};
    await loop(2 * hourMs);
    expect(archives()).toHaveLength(2);
  });

  it('count also where Steward itself dies in each of them', async () => {
    lab.later(dayMs);
    for (let death = 0; death < 5; death += 1) {
      faultAt('borg-create', 'nothing', 'freeze');
      const cycle = await lab.cycle();
      await Promise.race([lab.beside(cycle), lab.host.crashed]);
      lab.restart();
      await lab.settleRuns();
      lab.later(60_000);
    }
    expect(stops()).toBe(3);
    expect(await running()).toEqual(names);
    expect(await noteOf()).toMatch(/^Steward ended in the middle of it; 3 attempts in a row have stopped/);
  });

  it('that stop nothing are tried every hour', async () => {
    const others = desired.resources.filter(({ kind }) => kind !== 'backup');
    lab.push({ ...desired, resources: [...others, build.backup('photo', { quiesce: 'none' })] });
    brokenUploads();
    await loop(dayMs / 2);
    expect(opsSince(0).filter((op) => op === 'borg-create').length).toBeGreaterThan(8);
  });
});

it('while the repository does not answer, nothing is stopped, and nothing counts', async () => {
  await aDayLater();
  faultAt('borg-create', 'nothing', 'fail');
  lab.later(dayMs);
  await lab.beside(await lab.cycle());
  lab.host.faults = { steps: [{ when: { op: 'borg-list' }, how: 'fail', after: 'nothing', times: 1e6 }] };
  const before = lab.host.steps.length;
  await loop(dayMs);
  expect(stops(before)).toBe(0);
  lab.host.faults = {};
  await loop(2 * hourMs);
  expect(archives()).toHaveLength(2);
});

describe('a pool without room for a snapshot', () => {
  const fullPools: string[] = [];
  function fillUp(): void {
    const { observe } = lab.host.observer;
    lab.host.observer.observe = async (request) => {
      const seen = await observe(request);
      return seen.zfs.known
        ? { ...seen, zfs: { ...seen.zfs, value: { ...seen.zfs.value, fullPools } } }
        : seen;
    };
  }

  it('stops nothing, also by hand, and is said; with room again the tick is made up for at once', async () => {
    fillUp();
    fullPools.push('datapool');
    const before = lab.host.steps.length;
    await loop(dayMs);
    expect(await noteOf()).toBe(
      'the pool datapool is full: there is no room for a snapshot, and nothing is stopped; free some space there',
    );
    const asked = { services: ['photo'], atMs: lab.now(), together: false };
    expect((await lab.cycle({ dry: true, asked })).plan?.changes).toEqual([]);
    expect(stops(before)).toBe(0);
    fullPools.pop();
    await lab.beside(await lab.cycle());
    expect(stops(before)).toBe(1);
    expect(archives()).toHaveLength(1);
  });
});
