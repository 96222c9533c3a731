import { describe, expect, it } from 'vitest';
import type { DesiredBackup } from '../../../desired-state/types.ts';
import type { ObservedDataset, ObservedState } from '../../../observers/types.ts';
import { uncoveredIn, uncoveredText } from '../../../reconciler/backup/uncovered.ts';
import { type Backups, emptyBackups, newBackupRecord } from '../../../reconciler/state/backups.ts';
import * as build from '../../support/build.ts';

const photo = 'datapool/services/photo';
const nowMs = Date.parse('2026-11-23T12:00:00Z');
const { location } = build.backup('photo').repository;

/** A repository that was listed, with archives of these times. */
function knowing(times: string[] = [], inDoubt = false): Backups {
  const record = { borgId: 'a', encryption: 'repokey', listedMs: nowMs, inDoubt, checkpoints: [] };
  const facts = { byHand: null, clean: true, files: 1, originalBytes: 1 };
  const archives = times.map((time) => ({
    ...{ name: `photo-${time}`, id: time, atMs: Date.parse(time), ...facts },
  }));
  return {
    ...emptyBackups(),
    repositories: new Map([[location, { location, ...record }]]),
    archives: new Map([[location, archives]]),
  };
}

function found(
  seen: ObservedState,
  over: Partial<DesiredBackup> = {},
  { suspended = [] as string[], known = knowing() } = {},
) {
  const desired = build.desired(
    [
      build.dataset(photo),
      build.dataset(`${photo}/database`),
      build.dataset('datapool/services/git', { service: 'git' }),
      build.backup('photo', {
        datasets: [photo, `${photo}/database`].map((name) => ({ name, mountpoint: `/${name}` })),
        ...over,
      }),
      build.backup('git'),
    ],
    { suspended },
  );
  return uncoveredIn({ desired, observed: seen, inventory: { backups: known }, nowMs });
}

const withDataset = (name: string, over: Partial<ObservedDataset> = {}) =>
  build.observed({
    datasets: [
      build.seenDataset(photo),
      build.seenDataset(`${photo}/database`),
      build.seenDataset(name, over),
    ],
  });
const property = (name: string, value: string) => ({
  properties: { [name]: { value, source: 'local' as const } },
});

describe('a dataset is in no archive', () => {
  it.each<[string, string, Partial<ObservedDataset>]>([
    ['made by hand below that of a service', `${photo}/library`, {}],
    ['below a declared child', `${photo}/database/wal`, {}],
    ['from elsewhere, and mounted inside', 'datapool/old', { mountpoint: `/${photo}/old` }],
    ['whose key is not loaded', `${photo}/library`, { mounted: false }],
    ['mounted over that of the service', 'datapool/old', { mountpoint: `/${photo}` }],
  ])('%s', (_what, name, over) => {
    const { mountpoint = `/${name}` } = over;
    expect(found(withDataset(name, over))).toEqual(
      new Map([['photo', [{ source: name, mountpoint, sinceMs: nowMs }]]]),
    );
  });
});

describe('nothing is said of a dataset', () => {
  it.each<[string, string, Partial<ObservedDataset>]>([
    ['that Git declares', 'datapool/services/git', {}],
    [
      'of another service, mounted inside: it has an archive of its own',
      'datapool/services/git',
      { mountpoint: `/${photo}/git` },
    ],
    ['with a similar name', `${photo}-old`, {}],
    ['that Docker keeps its layers in', `${photo}/docker/3f2a`, { mountpoint: 'legacy', mounted: true }],
    ['mounted nowhere', `${photo}/spare`, { mountpoint: 'none', mounted: false }],
    [
      'that only hands on its properties',
      `${photo}/group`,
      { mounted: false, ...property('canmount', 'off') },
    ],
    ['that was put aside', `${photo}/aside`, { mounted: false, ...property('canmount', 'noauto') }],
    [
      'that would be mounted at the place of a declared one, and is not',
      'datapool/old',
      { mountpoint: `/${photo}`, mounted: false },
    ],
    ['of a drill', 'datapool/services/steward-drill-photo', { mountpoint: '/run/steward/drill/photo' }],
    ['that is mounted elsewhere', `${photo}/library`, { mountpoint: '/srv/library' }],
  ])('%s', (_what, name, over) => {
    expect(found(withDataset(name, over))).toEqual(new Map());
  });

  it('that Git leaves out', () => {
    expect(found(withDataset(`${photo}/cache`), { excludes: ['cache/**'] })).toEqual(new Map());
    expect(found(withDataset(`${photo}/cache`), { excludes: ['cache/x'] }).size).toBe(1);
  });

  it('whose backup is suspended', () => {
    expect(found(withDataset(`${photo}/library`), { suspend: true })).toEqual(new Map());
    expect(found(withDataset(`${photo}/library`), {}, { suspended: ['photo'] })).toEqual(new Map());
  });
});

describe('what else is mounted inside', () => {
  const withMount = (type: string, source: string, mountpoint: string) =>
    build.observed({ datasets: [build.seenDataset(photo)], mounts: [{ type, source, mountpoint }] });

  it.each([
    ['a disk', 'ext4', '/dev/sdb1', `/${photo}/library`],
    ['a share', 'nfs4', 'nas:/photos', `/${photo}/library`],
    ['a disk over the whole of it', 'xfs', '/dev/sdb1', `/${photo}`],
    ['a legacy dataset', 'zfs', 'datapool/old', `/${photo}/old`],
  ])('is in no archive: %s', (_what, type, source, mountpoint) => {
    expect(found(withMount(type, source, mountpoint)).get('photo')).toEqual([
      { source, mountpoint, sinceMs: nowMs },
    ]);
  });

  it.each([
    ['a dataset of the service itself', 'zfs', photo, `/${photo}`],
    ['a folder of a dataset that Git declares', 'zfs', 'datapool/services/git', `/${photo}/git`],
    ['a snapshot that somebody looks at', 'zfs', `${photo}@one`, `/${photo}/.zfs/snapshot/one`],
    ['an archive that somebody looks at', 'fuse', 'borgfs', `/${photo}/look`],
    ['what is gone with the next start', 'tmpfs', 'tmpfs', `/${photo}/transcode`],
    ['a layer of Docker', 'overlay', 'overlay', `/${photo}/docker/overlay2/x/merged`],
    ['a disk elsewhere', 'ext4', '/dev/sdb1', `/${photo}-old`],
  ])('says nothing of %s', (_what, type, source, mountpoint) => {
    expect(found(withMount(type, source, mountpoint))).toEqual(new Map());
  });

  it('is told once where ZFS and the kernel both say it', () => {
    const name = `${photo}/library`;
    const mounts = [{ type: 'zfs', source: name, mountpoint: `/${name}` }];
    const seen = { ...withDataset(name), mounts: { known: true as const, value: mounts } };
    expect(found(seen).get('photo')).toHaveLength(1);
  });
});

it('comes in one order, whatever the tools say first', () => {
  const [a, b] = [build.seenDataset(`${photo}/a`), build.seenDataset(`${photo}/b`)];
  const seen = [build.observed({ datasets: [a, b] }), build.observed({ datasets: [b, a] })].map((each) =>
    found(each),
  );
  expect([...(seen[0]?.get('photo') ?? [])].map(({ source }) => source)).toEqual([a.name, b.name]);
  expect(seen[1]).toEqual(seen[0]);
});

describe('since when', () => {
  const known = knowing();
  const before = { source: `${photo}/library`, mountpoint: `/${photo}/library`, sinceMs: 7 };
  known.uncovered.set('photo', [before]);

  it('is when it was first seen, for the same at the same place', () => {
    expect(found(withDataset(`${photo}/library`), {}, { known }).get('photo')).toEqual([before]);
    const other = withDataset('datapool/other', { mountpoint: before.mountpoint });
    expect(found(other, {}, { known }).get('photo')).toMatchObject([{ sinceMs: nowMs }]);
  });

  const hour = 3_600_000;
  const newest = '2026-11-23T02:30:00Z';
  const ahead = '2026-12-24T02:30:00Z';
  const never = Number.MAX_SAFE_INTEGER;
  const running = knowing([newest]);
  running.services.set('photo', { ...newBackupRecord('photo', 0), runningSinceMs: nowMs - hour });
  it.each<[string, number, Backups, number | null]>([
    ['now, if no archive is later', nowMs, knowing([newest]), null],
    ['after an archive of a time to come', Date.parse(ahead) + 1, knowing([ahead, newest]), null],
    ['nothing yet, where the repository is in doubt', never, knowing([newest], true), null],
    ['nothing yet, where it was never listed', never, emptyBackups(), null],
    ['nothing yet, while an archive is being made', never, running, null],
    ['as it was known, where it is in doubt since', nowMs - hour, knowing([newest], true), nowMs - hour],
    ['now, if a clock that was ahead had seen it', nowMs, knowing([newest]), nowMs + hour],
    ['now, once the repository was listed', nowMs, knowing([newest]), never],
  ])('is %s', (_what, expected, backups, sinceMs) => {
    if (sinceMs !== null) backups.uncovered.set('photo', [{ ...before, sinceMs }]);
    expect(found(withDataset(`${photo}/library`), {}, { known: backups }).get('photo')).toEqual([
      { ...before, sinceMs: expected },
    ]);
  });

  it.each(['zfs', 'mounts'] as const)('stays as it was known while %s is not known', (part) => {
    const silent: ObservedState = { ...build.observed({}), [part]: { known: false, error: 'it hangs' } };
    expect(found(silent, {}, { known })).toEqual(known.uncovered);
  });
});

it.each([
  [
    `${photo}/library`,
    `/${photo}/library`,
    'declare library in dataset.children of services/photo/service.yaml, or leave library out with backup.excludes;',
  ],
  [
    'datapool/old',
    `/${photo}/old`,
    'move its data into a dataset of photo, or leave old out with backup.excludes;',
  ],
  ['datapool/old', `/${photo}`, 'move its data into a dataset of photo;'],
])('%s at %s: what a person can do about it', (source, mountpoint, remedy) => {
  expect(uncoveredText({ source, mountpoint }, build.backup())).toContain(
    `${source} at ${mountpoint} is inside the data of photo and in no archive of it: ${remedy}`,
  );
});
