import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DesiredBackup } from '../../../desired-state/types.ts';
import { instant } from '../../../reconciler/backup/names.ts';
import { readArchives, removeArchives, writeArchive } from '../../../reconciler/state/archives.ts';
import { forgetRepository, readBackups } from '../../../reconciler/state/backups.ts';
import { openStore } from '../../../reconciler/state/store.ts';
import * as build from '../../support/build.ts';
import { archives, dayMs, desired, lab } from './saga-lab.ts';

/** Which archives are the schedule's is known of them, and not judged by what the schedule is today. */

const location = build.repositoryRef.location;

function push(over: Partial<DesiredBackup>): void {
  const resources = desired.resources.map((each) =>
    each.kind === 'backup' ? { ...each, retention: { daily: 30 }, ...over } : each,
  );
  lab.push({ ...desired, resources });
}

/** A night by the schedule, and an archive of noon that somebody asked for. */
async function aDay(): Promise<void> {
  lab.later(dayMs - (lab.now() % dayMs) + 4 * 3_600_000);
  await lab.beside(await lab.cycle());
  lab.later(8 * 3_600_000 + 7_000);
  const asked = { services: ['photo'], atMs: lab.now(), together: false };
  await lab.beside(await lab.cycle({ dry: true, asked }));
}

/** As with a new state folder, of all that it knows of backups. */
function loseBackups(): void {
  forgetRepository(lab.store(), location, 'photo');
  lab.store().db.exec('DELETE FROM backups; DELETE FROM schedules');
}

let nights: string[] = [];
beforeEach(async () => {
  push({});
  for (let day = 0; day < 7; day += 1) await aDay();
  nights = archives().filter((name) => name.endsWith('02:30:00Z'));
  expect(nights).toHaveLength(7);
});

const marks = () =>
  readBackups(lab.store())
    .archives.get(location)
    ?.map(({ name, byHand }) => [name, byHand]) ?? [];

it('the record says of each who asked for it, as the archive itself does', async () => {
  const known = marks();
  expect(known).toContainEqual([nights[0], false]);
  expect(known).toContainEqual([`photo-${instant(lab.now())}`, true]);
  expect(known.every(([, byHand]) => byHand !== null)).toBe(true);
  loseBackups();
  expect(marks()).toEqual([]);
  lab.later(dayMs);
  await lab.beside(await lab.cycle());
  expect(marks()).toEqual(expect.arrayContaining(known));
});

describe.each([
  ['what was recorded is known', () => {}],
  ['the state folder was lost', loseBackups],
  ['a Steward made them that took no note of it', () => lab.store().db.exec('DELETE FROM made_by_hand')],
])('where %s, no night goes for an archive of noon', (_name, before) => {
  it.each<[what: string, over: Partial<DesiredBackup>]>([
    ['stays where it is', {}],
    ['moves', { schedule: { cron: '0 3 * * *', timezone: 'UTC' } }],
    ['becomes one of weeks', { schedule: { cron: '0 3 * * 0', timezone: 'UTC' } }],
    ['gets jitter', { jitterSeconds: 600 }],
    ['gets another time zone', { schedule: { cron: '30 2 * * *', timezone: 'Asia/Tokyo' } }],
    ['comes to an end', { schedule: null }],
  ])('when the schedule %s', async (_what, over) => {
    before();
    push(over);
    for (let day = 0; day < 3; day += 1) await aDay();
    expect(archives()).toEqual(expect.arrayContaining(nights));
    expect(archives().length).toBeGreaterThan(nights.length + 3);
  });
});

it('and what is by hand goes after its day, wherever the schedule is by then', async () => {
  push({ schedule: { cron: '0 3 * * *', timezone: 'UTC' } });
  const noons = archives().filter((name) => !nights.includes(name));
  await aDay();
  await aDay();
  // The last one of each day stays, as ever.
  expect(archives()).toEqual(expect.arrayContaining(noons));
  push({ schedule: { cron: '0 3 * * *', timezone: 'UTC' }, retention: { daily: 2 } });
  await aDay();
  expect(archives().filter((name) => noons.includes(name))).toEqual([]);
});

it('a state folder of an older Steward has archives that do not say it, and takes what that one still writes', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'steward-by-hand-'));
  const older = openStore(dir);
  const { user_version: version } = older.db.prepare('PRAGMA user_version').get() as {
    user_version: number;
  };
  const write = "INSERT OR REPLACE INTO archives VALUES ('/backup', ?, ?, 1, 1, 1, 1)";
  older.db.exec(`DROP TABLE made_by_hand; PRAGMA user_version = ${version - 1}`);
  older.db.prepare(write).run('photo-1', 'a');
  older.close();
  const store = openStore(dir);
  const known = { atMs: 2, clean: true, files: 1, originalBytes: 1, byHand: true };
  writeArchive(store, '/backup', { ...known, name: 'photo-2', id: 'b' });
  store.db.prepare(write).run('photo-2', 'b');
  store.db.prepare(write).run('photo-3', 'c');
  const marks = () =>
    readArchives(store)
      .get('/backup')
      ?.map(({ name, byHand }) => [name, byHand]);
  expect(marks()).toEqual([
    ['photo-3', null],
    ['photo-2', true],
    ['photo-1', null],
  ]);
  removeArchives(store, '/backup', ['photo-2']);
  store.db.prepare(write).run('photo-2', 'b');
  expect(marks()).toContainEqual(['photo-2', null]);
  store.close();
  rmSync(dir, { recursive: true });
});
