import { describe, expect, it } from 'vitest';
import { heldReason } from '../../reconciler/hold.ts';
import { inOrder } from '../../reconciler/order.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

function known(names: string[]): InventoryEntry[] {
  return names.map((name) => {
    const { id, kind, service } = build.stack(name);
    return { id, kind, name, service, ownedSince: 'a', appliedCommit: 'a', orphanedSince: null, data: {} };
  });
}

function held(before: number, after: number, limits = { removalCount: 3, removalPercent: 30, parallel: 4 }) {
  const names = Array.from({ length: before }, (_, index) => `s${index}`);
  const inventory = { ...emptyInventory(), entries: new Map(known(names).map((entry) => [entry.id, entry])) };
  const desired = build.desired(
    names.slice(0, after).map((name) => build.stack(name)),
    { limits },
  );
  return { reason: heldReason(desired, inventory), desired, inventory };
}

describe('a commit that removes services', () => {
  it.each([
    ['one of one', 1, 0, true],
    ['all of five', 5, 0, true],
    ['three of five: not more than three', 5, 2, false],
    ['four of ten: more than three and more than 30 %', 10, 6, true],
    ['four of twenty: only 20 %', 20, 16, false],
    ['none', 5, 5, false],
  ])('%s', (_name, before, after, isHeld) => {
    expect(held(before, after).reason !== null).toBe(isHeld);
  });

  it('goes through once it is approved', () => {
    const { desired, inventory } = held(5, 0);
    expect(heldReason(desired, { ...inventory, approvals: new Set([desired.commit.id]) })).toBeNull();
  });

  it.each([
    [5, 1, '5 services', '1 service'],
    [1, 0, '1 service', '0 services'],
  ])('counts %i and %i in words', (before, after, from, to) => {
    const { reason } = held(before, after);
    expect(reason).toMatchObject({ from, to });
    expect(reason?.note).toContain(` of ${from} (`);
  });

  it('says which services, how many and how to approve', () => {
    expect(held(5, 0).reason?.note).toMatch(
      /removes 5 of 5 .*s0, s1, s2, s3, s4.*steward approve 3f2a1c900000/,
    );
  });
});

describe('order', () => {
  it('puts removals first and in reverse, creations by kind, needs before what needs them', () => {
    const changes = [
      build.change('compose-stack:b', { needs: ['compose-stack:z'] }),
      build.change('compose-stack:z'),
      build.change('docker-network:b_net'),
      build.change('zfs-dataset:p/b/child', { needs: ['zfs-dataset:p/b'] }),
      build.change('zfs-dataset:p/b'),
      build.change('docker-network:old_net', { verb: 'delete', needs: ['compose-stack:old'] }),
      build.change('compose-stack:old', { verb: 'delete' }),
    ];
    const expected = [
      'compose-stack:old',
      'docker-network:old_net',
      'zfs-dataset:p/b',
      'zfs-dataset:p/b/child',
      'docker-network:b_net',
      'compose-stack:z',
      'compose-stack:b',
    ];
    expect(inOrder(changes).map((change) => change.id)).toEqual(expected);
    expect(inOrder([...changes].reverse()).map((change) => change.id)).toEqual(expected);
  });
});

describe('a plan', () => {
  it('carries a block through everything that needs it, and not to its neighbours', () => {
    const bad = build.dataset('datapool/services/photo');
    const good = build.dataset('datapool/services/git');
    const resources = [
      bad,
      good,
      build.stack('photo', { needs: [bad.id], containers: [build.container('a', { containerName: null })] }),
      build.stack('git', { needs: [good.id], containers: [build.container('b', { containerName: null })] }),
      build.stack('after', {
        needs: ['compose-stack:photo'],
        containers: [build.container('c', { containerName: null })],
      }),
    ];
    const seen = build.observed({ datasets: [build.seenDataset(bad.name, { mountpoint: '/else' })] });
    const { plan } = makePlan(build.planInput(resources, seen));
    expect(plan.changes.map((change) => change.id)).toEqual([good.id, 'compose-stack:git']);
    expect(plan.blocked.map((notice) => notice.name)).toEqual(['after', 'photo', bad.name]);
    expect(plan.blocked[1]?.reasons[0]?.note).toBe(`waits for ${bad.id}`);
  });

  it('does not call a stack in sync that runs above a dataset which is gone', () => {
    const ground = build.dataset('datapool/services/photo');
    const app = build.stack('photo', { needs: [ground.id] });
    const seen = build.observed({ containers: [build.seenContainer('server')] });
    if (seen.zfs.known) seen.zfs.value.pools = [];
    const { plan } = makePlan(build.planInput([ground, app], seen));
    expect(plan.blocked.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'compose-stack degraded',
      'zfs-dataset waiting',
    ]);
    const hanging = { ...seen, zfs: { known: false as const, error: 'zfs hangs' } };
    expect(makePlan(build.planInput([ground, app], hanging)).plan.inSync).toEqual([app.id]);
  });

  it('is the same text for the same input', () => {
    const make = () =>
      JSON.stringify(makePlan(build.planInput([build.stack(), build.network()], build.observed({}))).plan);
    expect(make()).toBe(make());
  });
});
