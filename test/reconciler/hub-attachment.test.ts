import { describe, expect, it } from 'vitest';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const stackOf = (image: string) =>
  build.stack('central_hub', {
    containers: [
      build.container('caddy', {
        ...{ containerName: 'central_hub', networks: ['central_hub_net'] },
        ...{ image, configHash: `hash ${image}`, fields: { image } },
      }),
    ],
  });
const wanted = build.attachment('photo_net');
const own = build.network('central_hub_net', { service: 'central_hub' });
const lab = [own, build.network('photo_net'), stackOf('caddy:1'), wanted];
const ours = { 'io.steward.lab': 'homelab' };
const bothNetworks = [{ name: 'central_hub_net' }, { name: 'photo_net', labels: ours }];
const joins = { op: 'network-connect', network: 'photo_net', container: 'central_hub' };

/** The hub as it runs, on these networks. */
function seen(networks: Record<string, string>, all: { name: string; driver?: string }[] = bothNetworks) {
  const hub = { name: 'central_hub', project: 'central_hub', image: 'caddy:1', configHash: 'hash caddy:1' };
  return build.observed({ containers: [build.seenContainer('caddy', { ...hub, networks })], networks: all });
}

const onBoth = { central_hub_net: 'net-central_hub_net', photo_net: 'net-photo_net' };
const onItsOwn = { central_hub_net: 'net-central_hub_net' };

function recorded(data = { container: 'central_hub' }): Map<InventoryEntry['id'], InventoryEntry> {
  const { id, kind, name, service } = wanted;
  const since = { ownedSince: 'a1', appliedCommit: 'a1', orphanedSince: null };
  return new Map([[id, { id, kind, name, service, ...since, data }]]);
}

function planOf(resources: typeof lab, observed = seen(onBoth), entries = recorded()) {
  const inventory = { ...emptyInventory(), entries };
  return makePlan({ ...build.planInput(resources, observed), inventory }).plan;
}

describe('the hub', () => {
  it('joins the network of a service with routes, and nothing stops for it', () => {
    const [change, ...others] = planOf(lab, seen(onItsOwn)).changes;
    expect(change).toMatchObject({ id: wanted.id, steps: [joins], disruption: { level: 'none' } });
    expect(others).toEqual([]);
  });

  it('is left alone on it', () => {
    expect(planOf(lab).changes).toEqual([]);
  });

  it('joins it again when the network was made anew', () => {
    const [change] = planOf(lab, seen({ ...onBoth, photo_net: 'net-older' })).changes;
    expect(change?.reasons[0]?.note).toBe('the network was made anew since the hub joined it');
  });

  it('joins it in the same plan that makes the hub anew, right after that', () => {
    const changed = lab.map((each) => (each.kind === 'compose-stack' ? stackOf('caddy:2') : each));
    const [hub, change] = planOf(changed).changes;
    expect(hub?.id).toBe('compose-stack:central_hub');
    expect(change).toMatchObject({ id: wanted.id, steps: [joins], needs: [hub?.id] });
    expect(change?.reasons[0]?.note).toBe('central_hub is made anew by this plan');
  });

  it('made anew in the plan joins also one that would not be taken over today', () => {
    const changed = lab.map((each) => (each.kind === 'compose-stack' ? stackOf('caddy:2') : each));
    const networks = bothNetworks.map((each) => ({ ...each, labels: {}, driver: 'macvlan' }));
    const elsewhere = changed.filter(({ id }) => id !== own.id);
    expect(planOf(elsewhere, seen(onBoth, networks)).changes.map(({ id }) => id)).toEqual([
      'compose-stack:central_hub',
      wanted.id,
    ]);
  });

  it('joins it once it is there at all', () => {
    const change = planOf(lab, build.observed({ networks: bothNetworks })).changes.at(-1);
    expect(change).toMatchObject({ id: wanted.id, needs: ['compose-stack:central_hub'] });
  });

  it('is waited for where its service is suspended, and it is not there', () => {
    const input = build.planInput(lab, build.observed({ networks: bothNetworks }));
    const suspended = { ...input.desired, suspended: ['central_hub'] };
    const { blocked } = makePlan({ ...input, desired: suspended }).plan;
    expect(blocked.map(({ id, state }) => `${state} ${id}`)).toEqual([`waiting ${wanted.id}`]);
  });

  it('leaves it with the last route, and the network goes after that', () => {
    const { changes } = planOf([own, stackOf('caddy:1')]);
    expect(changes.map(({ steps }) => steps)).toEqual([
      [{ op: 'network-disconnect', network: 'photo_net', container: 'central_hub' }],
    ]);
    const entries = recorded();
    const network = { ...(entries.get(wanted.id) as InventoryEntry), name: 'photo_net' };
    entries.set('docker-network:photo_net', {
      ...network,
      id: 'docker-network:photo_net',
      kind: 'docker-network',
    });
    const both = planOf([own, stackOf('caddy:1')], seen(onBoth), entries);
    expect(both.changes.map(({ id }) => id)).toEqual([wanted.id, 'docker-network:photo_net']);
    expect(both.changes[1]?.needs).toEqual([wanted.id]);
  });

  it('stays on a network that its own compose file has come to name', () => {
    const stack = stackOf('caddy:1');
    const [container] = stack.containers;
    if (container !== undefined) container.networks = ['central_hub_net', 'photo_net'];
    const plan = planOf([own, build.network('photo_net'), stack]);
    expect(plan.changes).toEqual([]);
  });

  it('is not touched where Docker does not answer', () => {
    const blind = { ...seen(onBoth), docker: { known: false as const, error: 'no answer' } };
    expect(planOf(lab, blind).blocked.map(({ id }) => id)).toContain(wanted.id);
    expect(planOf([own, stackOf('caddy:1')], blind).changes).toEqual([]);
  });
});
