import { describe, expect, it } from 'vitest';
import { parseSnapshots } from '../../observers/snapshots-parse.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { createArgv, destroyProblem } from '../../reconciler/apply/snapshots-by-hand.ts';
import {
  servicesOf,
  strangerProblem,
  taggedOf,
  tagProblem,
  whose,
} from '../../reconciler/snapshots/by-hand.ts';
import { rollbackChange, rollbackProblem } from '../../reconciler/snapshots/rollback.ts';
import type { InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';
import { datasetText, type Snapshot } from './zfs-text.ts';

const photo = 'datapool/services/photo';
const own: Snapshot = { tag: 'mine', marks: [['steward:snapshot', '7,42', 'local']] };

function seen(...snapshots: Snapshot[]) {
  return parseSnapshots(datasetText(photo, '42', snapshots), [photo]);
}

describe('what ZFS prints', () => {
  it('is read with its sources, oldest first, and without neighbours', () => {
    const text =
      datasetText(photo, '42', [
        { tag: 'b', txg: 12 },
        { tag: 'a', txg: 9, holds: 1, clones: 'datapool/x' },
      ]) + datasetText(`${photo}/db`, '43', [own]);
    const [dataset, ...others] = parseSnapshots(text, [photo]);
    expect(others).toEqual([]);
    expect(dataset).toMatchObject({ name: photo, guid: '42', mounted: true, mountpoint: `/${photo}` });
    expect(dataset?.snapshots.map(({ name, holds, clones }) => [name, holds, clones])).toEqual([
      [`${photo}@a`, 1, ['datapool/x']],
      [`${photo}@b`, 0, []],
    ]);
    expect(dataset?.snapshots[0]).toMatchObject({ createdMs: 1790000100_000, usedBytes: 1024, marks: {} });
  });

  it('that lacks a figure is an error, never a zero', () => {
    const text = datasetText(photo, '42', [own]).replace(/used\t1024/, 'used\t-');
    expect(() => parseSnapshots(text, [photo])).toThrow(`zfs get printed no used for ${photo}@mine`);
  });
});

describe('whose a snapshot is', () => {
  it.each<[string, Snapshot['marks'], string]>([
    ['marked with the guid of its dataset', [['steward:snapshot', '42', 'local']], 'by-hand'],
    ['marked with the guids of the whole call', [['steward:snapshot', '7,42,9', 'local']], 'by-hand'],
    ['marked with the guid of another dataset', [['steward:snapshot', '4', 'local']], 'other'],
    ['inheriting the mark', [['steward:snapshot', '42', `inherited from ${photo}`]], 'other'],
    ['that came with its mark from elsewhere', [['steward:snapshot', '42', 'received']], 'other'],
    ['of a run', [['steward:run', 'r1', 'local']], 'backup'],
    ['inheriting a run', [['steward:run', 'r1', 'inherited from datapool']], 'other'],
    ['without any mark', [], 'other'],
  ])('%s', (_name, marks, owner) => {
    const dataset = seen({ tag: 'steward-looks-like-it', ...(marks === undefined ? {} : { marks }) })[0];
    const snapshot = dataset && taggedOf(dataset, 'steward-looks-like-it');
    expect(snapshot && whose(snapshot, '42')).toBe(owner);
  });
});

describe('a tag', () => {
  it.each(['before-upgrade', 'v1.2', '2026-11-23T02:30:00Z', 'A'])('may be %s', (tag) => {
    expect(tagProblem(tag)).toBeNull();
  });
  it.each(['', '-r', 'a b', 'a@b', 'a/b', 'ä', 'a,b', '%', 'steward-1', 'x'.repeat(101)])(
    'may not be %j',
    (tag) => {
      expect(tagProblem(tag)).toMatch(/tag/);
    },
  );
});

describe('services', () => {
  const entry = (
    name: string,
    service: string | null,
    over: Partial<InventoryEntry> = {},
  ): InventoryEntry => ({
    ...{ id: `zfs-dataset:${name}`, kind: 'zfs-dataset', name, service, data: { guid: '42' } },
    ...{ ownedSince: 'c', appliedCommit: 'c', orphanedSince: null },
    ...over,
  });

  it('are those with datasets, parents before children; one out of Git is orphaned', () => {
    const entries = [
      entry(`${photo}/db`, 'photo', { data: {} }),
      entry(photo, 'photo'),
      entry('datapool/services', null),
      entry('datapool/services/old', 'old', { orphanedSince: 'd' }),
      entry('photo', 'photo', { kind: 'compose-stack' }),
    ];
    expect(servicesOf(entries)).toEqual([
      { service: 'old', datasets: [{ name: 'datapool/services/old', guid: '42' }], orphaned: true },
      {
        service: 'photo',
        datasets: [
          { name: photo, guid: '42' },
          { name: `${photo}/db`, guid: null },
        ],
        orphaned: false,
      },
    ]);
  });

  it('whose dataset is gone, or another one by that name, are left alone', () => {
    const known = servicesOf([entry(photo, 'photo')]);
    expect(strangerProblem(known, seen())).toBeNull();
    expect(strangerProblem(known, [])).toBe(`there is no dataset ${photo}; nothing was done`);
    const other = parseSnapshots(datasetText(photo, '77', []), [photo]);
    expect(strangerProblem(known, other)).toContain(
      'is not the dataset that Steward knows (guid 77, not 42)',
    );
  });
});

describe('taking one', () => {
  it('is one call for all datasets, marked with the guids of all', () => {
    const datasets = [
      { name: photo, guid: '42' },
      { name: `${photo}/db`, guid: '43' },
    ];
    expect(createArgv(datasets, 'mine').join(' ')).toBe(
      `zfs snapshot -o steward:snapshot=42,43 ${photo}@mine ${photo}/db@mine`,
    );
  });

  it('of more datasets than a mark can name is refused', () => {
    const many = Array.from({ length: 500 }, (_, index) => ({ name: `a/${index}`, guid: '1'.repeat(19) }));
    expect(() => createArgv(many, 'mine')).toThrow('500 datasets are too many for one instant');
  });
});

describe('destroying one', () => {
  it.each<[string, Snapshot, RegExp]>([
    ['of somebody else', { tag: 'mine' }, /was not taken by steward/],
    ['of a backup', { tag: 'mine', marks: [['steward:run', 'r', 'local']] }, /is read by a backup/],
    ['that is held', { ...own, holds: 1 }, /is held \(zfs holds /],
    ['that a clone stands on', { ...own, clones: 'datapool/copy' }, /datapool\/copy stands on/],
  ])('%s is refused', (_name, snapshot, words) => {
    expect(destroyProblem(seen(snapshot), 'mine')).toMatch(words);
  });

  it('of our own is not', () => {
    expect(destroyProblem(seen(own, { tag: 'other' }), 'mine')).toBeNull();
  });
});

describe('going back', () => {
  const both = (first: Snapshot[], second: Snapshot[]) => {
    const text = datasetText(photo, '42', first) + datasetText(`${photo}/db`, '43', second);
    return parseSnapshots(text, [photo, `${photo}/db`]);
  };

  const plan = (containers: ObservedContainer[]) =>
    rollbackChange({
      ...{
        service: 'photo',
        project: 'photo',
        datasets: both([own], [own]),
        tag: 'mine',
        atMs: 0,
        containers,
      },
      healthTimeoutSeconds: 300,
      location: '/backup/photo',
    });
  const safetyTag = 'before-rollback-1970-01-01T00:00:00Z';
  const note = `what photo was before is in ${safetyTag}; steward snapshot rollback photo ${safetyTag} goes back to it`;
  const filesOf = (tag: string) =>
    [photo, `${photo}/db`].map((dataset) => ({
      op: 'files-restore',
      service: 'photo',
      snapshot: `${dataset}@${tag}`,
      safety: `${dataset}@${safetyTag}`,
      guard: { dataset, mountpoint: `/${dataset}` },
    }));

  it('takes a safety snapshot of all, then brings back the files of each, parents first', () => {
    const { steps, gate, disruption } = plan([]);
    const datasets = [photo, `${photo}/db`].map((name, index) => ({ name, guid: String(42 + index) }));
    expect(steps).toEqual([{ op: 'snapshot-by-hand', datasets, tag: safetyTag, note }, ...filesOf('mine')]);
    expect([gate, disruption.containers]).toEqual([undefined, []]);
  });

  it('holds what runs still meanwhile, and takes itself back until the last file is there', () => {
    const server = build.seenContainer('server', { health: 'healthy', dependsOn: { db: 'service_started' } });
    const { steps, rescue, undo, gate } = plan([
      server,
      build.seenContainer('db'),
      build.seenContainer('old', { state: 'exited' }),
    ]);
    const ops = ['containers-stop', 'snapshot-by-hand', 'files-restore', 'files-restore', 'containers-start'];
    expect(steps.map(({ op }) => op)).toEqual(ops);
    expect(rescue).toMatchObject({ until: 4, unwell: 'told' });
    expect(undo).toEqual([{ of: 4, by: 4 }]);
    const [stop] = steps;
    expect(rescue?.steps).toEqual([
      { of: 2, step: stop },
      ...filesOf(safetyTag).map((step) => ({ of: 2, step: { ...step, note } })),
      { of: 0, step: { ...stop, op: 'containers-start' } },
    ]);
    expect([steps[4], gate]).toMatchObject([{ healthTimeoutSeconds: 300 }, { timeoutSeconds: 300 }]);
    expect(gate?.containers).toEqual([
      { service: 'server', oneShot: false, hasHealthcheck: true, replicas: 1 },
      { service: 'db', oneShot: false, hasHealthcheck: false, replicas: 1 },
    ]);
  });

  it('is refused unless all datasets have it from one instant, are mounted, and no backup reads it', () => {
    expect(rollbackProblem(both([own], [own]), 'mine')).toBeNull();
    expect(rollbackProblem(both([own], []), 'mine')).toMatch(/there is no .*photo\/db@mine/);
    expect(rollbackProblem(both([own], [{ ...own, txg: 101 }]), 'mine')).toMatch(/not taken at one instant/);
    const run: Snapshot = { tag: 'mine', marks: [['steward:run', 'r', 'local']] };
    expect(rollbackProblem(seen(run), 'mine')).toMatch(/is read by a backup/);
    const unmounted = parseSnapshots(datasetText(photo, '42', [own]).replace('mounted\tyes', 'mounted\tno'), [
      photo,
    ]);
    expect(rollbackProblem(unmounted, 'mine')).toMatch(/is not mounted/);
  });
});
