import { describe, expect, it } from 'vitest';
import type { DesiredResource } from '../../desired-state/types.ts';
import type { ObservedState } from '../../observers/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type Inventory } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const photo = 'datapool/services/photo';

function planOf(resources: DesiredResource[], seen: ObservedState, inventory: Inventory = emptyInventory()) {
  return makePlan({ ...build.planInput(resources, seen), inventory }).plan;
}

function entryOf(resource: DesiredResource, data: Record<string, unknown> = {}) {
  const { id, kind, name, service } = resource;
  return { id, kind, name, service, ownedSince: 'a1', appliedCommit: 'a1', orphanedSince: null, data };
}

function inventoryOf(...entries: ReturnType<typeof entryOf>[]): Inventory {
  return { ...emptyInventory(), entries: new Map(entries.map((entry) => [entry.id, entry])) };
}

describe('zfs-dataset', () => {
  const wanted = build.dataset(photo, { properties: { recordsize: '16384' } });

  it('is created with its properties where it is missing', () => {
    const [change] = planOf([wanted], build.observed({})).changes;
    expect(change?.steps).toEqual([
      { op: 'zfs-create', dataset: photo, properties: { recordsize: '16384' }, mountpoint: `/${photo}` },
    ]);
  });

  it('is in sync when value, source, mount and stamp are right', () => {
    const seen = build.seenDataset(photo);
    seen.properties.recordsize = { value: '16384', source: 'local' };
    expect(planOf([wanted], build.observed({ datasets: [seen] }))).toMatchObject({
      changes: [],
      blocked: [],
    });
  });

  it('has a property set that has the right value from the wrong source', () => {
    const seen = build.seenDataset(photo);
    seen.properties.recordsize = { value: '16384', source: 'inherited' };
    const [change] = planOf([wanted], build.observed({ datasets: [seen] })).changes;
    expect(change?.steps).toEqual([
      { op: 'zfs-set', dataset: photo, property: 'recordsize', value: '16384' },
    ]);
    expect(change?.reasons[0]).toMatchObject({ from: '16K (inherited)', to: '16K' });
  });

  it('gives back a property that Git no longer declares, but only one that Steward had set', () => {
    const plain = build.dataset(photo);
    const seen = build.seenDataset(photo);
    seen.properties.quota = { value: '1', source: 'local' };
    seen.properties.compression = { value: 'lz4', source: 'local' };
    const inventory = inventoryOf(entryOf(plain, { guid: seen.guid, properties: ['quota'] }));
    const [change] = planOf([plain], build.observed({ datasets: [seen] }), inventory).changes;
    expect(change?.steps).toEqual([{ op: 'zfs-inherit', dataset: photo, property: 'quota' }]);
  });

  it('is mounted, not created, when it is there and not mounted', () => {
    const seen = build.seenDataset(photo, { mounted: false });
    const [change] = planOf([build.dataset(photo)], build.observed({ datasets: [seen] })).changes;
    expect(change?.steps).toEqual([{ op: 'zfs-mount', dataset: photo, mountpoint: `/${photo}` }]);
  });

  it('that was there and is gone is not replaced by an empty one', () => {
    const plain = build.dataset(photo);
    const plan = planOf([plain], build.observed({}), inventoryOf(entryOf(plain, { guid: '77' })));
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]).toMatchObject({ state: 'conflict' });
    expect(plan.blocked[0]?.reasons[0]?.note).toContain('guid 77');
  });

  it('waits for its pool, and so does everything on it', () => {
    const seen = build.observed({});
    if (seen.zfs.known) seen.zfs.value.pools = [];
    const path = build.directory(`/${photo}/library`);
    const app = build.stack('photo', { needs: [`zfs-dataset:${photo}`, path.id] });
    const plan = planOf([build.dataset(photo), path, app], seen);
    expect(plan.changes).toEqual([]);
    expect(plan.blocked.map((notice) => [notice.kind, notice.state])).toEqual([
      ['compose-stack', 'waiting'],
      ['directory', 'waiting'],
      ['zfs-dataset', 'waiting'],
    ]);
  });

  it('of a pool that is not imported is not forgotten, whatever other pools there are', () => {
    const seen = build.observed({});
    const inventory = inventoryOf(entryOf(build.dataset(photo), { guid: '77' }));
    if (seen.zfs.known) seen.zfs.value.pools = ['rpool'];
    expect(makePlan({ ...build.planInput([], seen), inventory }).gone).toEqual([]);
    expect(planOf([], seen, inventory).reports).toMatchObject([{ state: 'orphaned', name: photo }]);
    if (seen.zfs.known) seen.zfs.value.pools = ['rpool', 'datapool'];
    expect(makePlan({ ...build.planInput([], seen), inventory }).gone).toEqual([`zfs-dataset:${photo}`]);
  });

  it('is neither created nor forgotten while ZFS does not answer', () => {
    const seen: ObservedState = { ...build.observed({}), zfs: { known: false, error: 'zfs hangs' } };
    const plan = planOf([build.dataset(photo)], seen);
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]).toMatchObject({ state: 'unknown' });
  });

  it('that left Git is reported and kept', () => {
    const inventory = inventoryOf(entryOf(build.dataset(photo), { guid: '1' }));
    const plan = planOf([], build.observed({ datasets: [build.seenDataset(photo)] }), inventory);
    expect(plan.changes).toEqual([]);
    expect(plan.reports[0]).toMatchObject({ state: 'orphaned', name: photo });
  });

  it('with another mountpoint is left to a person', () => {
    const seen = build.seenDataset(photo, { mountpoint: '/elsewhere' });
    const plan = planOf([build.dataset(photo)], build.observed({ datasets: [seen] }));
    expect(plan.changes).toEqual([]);
    expect(plan.blocked[0]).toMatchObject({ state: 'conflict' });
  });
});

describe('directory', () => {
  const path = `/${photo}/library`;
  const mounted = { datasets: [build.seenDataset(photo)] };
  const at = (seen: { uid: number; gid: number; mode: string } | null): ObservedState['paths'] => ({
    [path]: { known: true, value: seen === null ? { type: 'absent' } : { type: 'directory', ...seen } },
  });

  it('is made for the container user under userns-remap', () => {
    const [change] = planOf([build.directory(path)], build.observed({ ...mounted, paths: at(null) })).changes;
    expect(change?.steps[0]).toMatchObject({
      op: 'directory-create',
      uid: 101_000,
      gid: 101_000,
      mode: '0750',
    });
  });

  it('gets the shared group by the id that the group has, or will be made with', () => {
    const group = { kind: 'group' as const, id: 'group:labdata' as const, name: 'labdata', service: null };
    const shared = { ...group, origin: { file: 'lab.yaml', line: 1, column: 1 }, needs: [] };
    const wanted = build.directory(path, { sharedGroup: 'labdata', needs: ['group:labdata'] });
    const plan = planOf(
      [shared, wanted],
      build.observed({ ...mounted, paths: at(null), groups: { x: 999 } }),
    );
    expect(plan.changes.map((change) => change.steps[0])).toMatchObject([
      { op: 'group-create', gid: 998 },
      { op: 'directory-create', gid: 998 },
    ]);
    expect(plan.changes[1]?.needs).toEqual(['group:labdata']);
  });

  it.each([
    ['owner', { enforce: { owner: true, mode: false } }, ['directory-owner']],
    ['nothing where the container starts as root', { enforce: { owner: false, mode: false } }, []],
    [
      'owner and mode where Git declares both',
      { enforce: { owner: true, mode: true } },
      ['directory-owner', 'directory-mode'],
    ],
  ])('that drifted is repaired: %s', (_name, over, ops) => {
    const seen = build.observed({ ...mounted, paths: at({ uid: 0, gid: 0, mode: '0777' }) });
    const steps = planOf([build.directory(path, over)], seen).changes.flatMap((change) => change.steps);
    expect(steps.map((step) => step.op)).toEqual(ops);
  });

  it('whose creation was cut off is created again', () => {
    const seen = build.observed({ ...mounted, paths: at({ uid: 101_000, gid: 101_000, mode: '0000' }) });
    const [change] = planOf([build.directory(path)], seen).changes;
    expect(change?.steps[0]).toMatchObject({ op: 'directory-create', mode: '0750' });
  });

  it('is not looked at below a dataset that is not mounted', () => {
    const seen = build.observed({
      datasets: [build.seenDataset(photo, { mounted: false })],
      paths: at({ uid: 101_000, gid: 101_000, mode: '0750' }),
    });
    const plan = planOf([build.dataset(photo), build.directory(path)], seen);
    expect(plan.changes.map((change) => change.kind)).toEqual(['zfs-dataset', 'directory']);
    expect(plan.changes[1]?.needs).toEqual([`zfs-dataset:${photo}`]);
  });

  it('waits while Docker does not say its userns base', () => {
    const seen: ObservedState = {
      ...build.observed({ ...mounted, paths: at(null) }),
      docker: { known: false, error: 'down' },
    };
    expect(planOf([build.directory(path)], seen)).toMatchObject({
      changes: [],
      blocked: [{ state: 'unknown' }],
    });
  });
});

describe('docker-network', () => {
  it('is created with the next free subnet', () => {
    const seen = build.observed({ networks: [{ name: 'bridge', subnets: ['10.88.0.0/24'] }] });
    const [change] = planOf([build.network()], seen).changes;
    expect(change?.steps[0]).toMatchObject({ op: 'network-create', subnet: '10.88.1.0/26' });
  });

  it('of the same name is adopted as it is', () => {
    const seen = build.observed({ networks: [{ name: 'photo_net', subnets: ['172.20.0.0/16'] }] });
    expect(planOf([build.network()], seen)).toMatchObject({ changes: [], blocked: [] });
  });

  it('with another subnet than the fixed one is left to a person', () => {
    const seen = build.observed({ networks: [{ name: 'photo_net', subnets: ['172.20.0.0/16'] }] });
    const plan = planOf([build.network('photo_net', { subnet: '10.1.0.0/24' })], seen);
    expect(plan).toMatchObject({ changes: [], blocked: [{ state: 'conflict' }] });
  });

  const lan = { name: 'lan', driver: 'macvlan', subnets: ['192.168.1.0/24'] };
  const theirs = { name: 'paperless_default', labels: { 'com.docker.compose.project': 'paperless' } };
  const ours = { 'io.steward.lab': 'homelab' };

  it.each([
    ['a LAN', lan, 'macvlan', 'network-driver'],
    ['a LAN that is called after the service', { ...lan, name: 'photo_lan' }, 'macvlan', 'network-driver'],
    ['of a stack that is not in Git', theirs, 'called after no service', 'shared-network'],
  ])('that is %s is not taken over, unless it is waived', (_what, network, words, rule) => {
    const plan = planOf([build.network(network.name)], build.observed({ networks: [network] }));
    expect(plan).toMatchObject({ changes: [], inSync: [], blocked: [{ state: 'conflict' }] });
    expect(plan.blocked[0]?.reasons[0]?.note).toContain(words);
    expect(plan.blocked[0]?.reasons[0]?.note).toContain(`allow ${rule} in service.yaml of photo`);
    const all = build.network(network.name, { waived: ['network-driver', 'shared-network'] });
    expect(planOf([all], build.observed({ networks: [network] }))).toMatchObject({
      blocked: [],
      inSync: [all.id],
    });
    const other = rule === 'network-driver' ? 'shared-network' : 'network-driver';
    const wrong = build.network(network.name, { waived: [other] });
    expect(planOf([wrong], build.observed({ networks: [network] })).blocked).toHaveLength(1);
  });

  it('that Steward made is one of the lab, whatever it is called', () => {
    const seen = build.observed({ networks: [{ name: 'backend', labels: ours }] });
    expect(planOf([build.network('backend')], seen)).toMatchObject({ changes: [], blocked: [] });
  });

  it('that left Git is removed where Steward made it, and stays where it was there before', () => {
    const inventory = inventoryOf(entryOf(build.network()));
    const made = build.observed({ networks: [{ name: 'photo_net', labels: ours }] });
    expect(planOf([], made, inventory).changes).toMatchObject([{ steps: [{ op: 'network-remove' }] }]);
    const found = build.observed({ networks: [{ name: 'photo_net' }] });
    expect(planOf([], found, inventory)).toMatchObject({
      ...{ changes: [], blocked: [] },
      reports: [{ id: 'docker-network:photo_net', state: 'orphaned' }],
    });
    expect(planOf([], build.observed({}), inventory)).toMatchObject({ changes: [], reports: [] });
  });

  it('that left Git stays while somebody else uses it', () => {
    const seen = build.observed({
      networks: [{ name: 'photo_net', id: 'n1', labels: ours }],
      containers: [build.seenContainer('server', { project: 'other', networks: { photo_net: 'n1' } })],
    });
    const plan = planOf([], seen, inventoryOf(entryOf(build.network())));
    expect(plan).toMatchObject({ changes: [], blocked: [{ state: 'waiting' }] });
  });
});
