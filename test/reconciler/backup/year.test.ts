import { expect, it } from 'vitest';
import { archiveName } from '../../../reconciler/backup/names.ts';
import { lastTick } from '../../../reconciler/backup/schedule.ts';
import { readUndo } from '../../../reconciler/state/undo.ts';
import * as build from '../../support/build.ts';
import { labRun } from '../../support/lab-run.ts';

const hourMs = 3_600_000;
const days = 366;

/** Mostly weekly and monthly: a look at everything every day for a year is what takes the time. */
function scheduleOf(index: number): { cron: string; timezone: string } {
  const timezone = ['UTC', 'Europe/Rome', 'America/New_York', 'Asia/Kolkata'][index % 4] ?? 'UTC';
  const [minute, hour] = [index % 60, index % 24];
  if (index % 20 === 0) return { cron: `${minute} ${hour} * * *`, timezone };
  if (index % 2 === 0) return { cron: `${minute} ${hour} * * ${index % 7}`, timezone };
  return { cron: `${minute} ${hour} ${1 + (index % 28)} * *`, timezone };
}

const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
const backups = names.map((name, index) =>
  build.backup(name, { schedule: scheduleOf(index), retention: null }),
);

const desired = build.desired([
  build.dataset('datapool/services', { setsMountpoint: true, service: null }),
  ...names.flatMap((name) => [
    build.dataset(`datapool/services/${name}`, { needs: ['zfs-dataset:datapool/services'] }),
    build.stack(name, { containers: [build.container('app', { containerName: `${name}-app` })] }),
    build.repository(name),
  ]),
  ...backups,
]);

/** Days on which the machine is off, and days on which the repositories cannot be reached. */
const off = (day: number) => (day >= 40 && day < 48) || day === 200;
const unreachable = (day: number) => day >= 100 && day < 103;

it('two hundred services for a year: every tick has its archive, once, and nothing is left behind', async () => {
  const lab = labRun(desired);
  try {
    await lab.beside(await lab.cycle());
    const firstSeenMs = lab.now();
    const expected = new Set<string>();
    for (let day = 0; day < days; day += 1) {
      lab.later(24 * hourMs);
      if (off(day)) continue;
      lab.host.faults = unreachable(day)
        ? { steps: [{ when: { op: 'borg-create' }, how: 'fail', after: 'nothing', times: 1e9 }] }
        : {};
      await lab.beside(await lab.cycle());
      if (unreachable(day)) continue;
      // What was in doubt is read again first, and then made up for.
      if (unreachable(day - 1)) await lab.beside(await lab.cycle());
      for (const { service, schedule } of backups) {
        const tick = schedule === null ? null : lastTick(schedule, lab.now());
        if (tick !== null && tick > firstSeenMs) expected.add(archiveName(service, tick));
      }
    }
    const made = [...lab.host.state.archives.values()].map(({ name }) => name);
    expect(new Set(made)).toEqual(expected);
    expect(made).toHaveLength(expected.size);
    expect(expected.size).toBeGreaterThan(9_000);
    expect([...lab.host.state.snapshots.values()]).toEqual([]);
    expect(readUndo(lab.store())).toEqual([]);
    const containers = await lab.host.observer.observeContainers();
    expect(containers.known && containers.value.filter(({ state }) => state !== 'running')).toEqual([]);
  } finally {
    lab.end();
  }
}, 600_000);
