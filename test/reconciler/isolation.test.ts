import { describe, expect, it } from 'vitest';
import type { DesiredContainer } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type Inventory } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';

const networks = [
  { name: 'photo_net' },
  { name: 'git_net', labels: { 'io.steward.lab': 'homelab' } },
  { name: 'photo_default', labels: { 'com.docker.compose.project': 'photo' } },
];
const own = { photo_net: 'net-photo_net' };
const hash = { configHash: 'hash-server' };

/** A photo service that runs as Git says, except for what a test changes. */
function planOf(
  seen: Partial<ObservedContainer> = {},
  {
    wanted = {},
    others = [],
    inventory = emptyInventory(),
  }: {
    wanted?: Partial<DesiredContainer>;
    others?: ObservedContainer[];
    inventory?: Inventory;
  } = {},
) {
  const stack = build.stack('photo', {
    containers: [build.container('server', { networks: ['photo_net'], ...hash, ...wanted })],
  });
  const resources = [build.network('photo_net'), build.network('git_net'), stack];
  const containers = [build.seenContainer('server', { networks: own, ...seen }), ...others];
  const input = build.planInput(resources, build.observed({ containers, networks }));
  return makePlan({ ...input, inventory }).plan;
}

describe('a spoke', () => {
  it('on its own network with its own ports is left alone', () => {
    expect(planOf({ published: ['8080/tcp'] }, { wanted: { published: ['8080/tcp'] } })).toMatchObject({
      ...{ changes: [], blocked: [], reports: [] },
    });
  });

  it("on somebody else's network leaves it as it runs", () => {
    const [change, ...others] = planOf({ networks: { ...own, git_net: 'net-git_net', bridge: 'b' } }).changes;
    expect(change).toMatchObject({
      ...{ id: 'compose-stack:photo', verb: 'update', summary: 'leaves 2 networks' },
      disruption: { level: 'none', containers: [] },
      steps: [
        { op: 'network-disconnect', network: 'bridge', container: 'photo-server' },
        { op: 'network-disconnect', network: 'git_net', container: 'photo-server' },
      ],
    });
    expect(change?.reasons).toContainEqual({
      ...{
        field: 'network',
        from: 'git_net',
        to: null,
        note: 'Git does not put it there',
        container: 'server',
      },
    });
    expect(others).toEqual([]);
  });

  it('that is not on its own network either is made anew, which takes it off all others', () => {
    const [change] = planOf({ networks: { git_net: 'net-git_net' } }).changes;
    expect(change?.steps.map(({ op }) => op)).toEqual(['compose-up']);
  });

  it('without networks of its own may be where Docker puts it', () => {
    expect(planOf({ networks: { host: 'h' } }, { wanted: { networks: [] } }).changes).toEqual([]);
  });

  it('whose network is that of Docker leaves the others that a hand has put it on', () => {
    const [change] = planOf(
      { networks: { bridge: 'b', git_net: 'net-git_net' } },
      { wanted: { networks: [] } },
    ).changes;
    expect(change?.steps).toEqual([
      { op: 'network-disconnect', network: 'git_net', container: 'photo-server' },
    ]);
  });

  it('with a port that Git does not open is told, and not restarted for it', () => {
    const plan = planOf(
      { published: ['127.0.0.1:9000/tcp', '8080/tcp'] },
      { wanted: { published: ['8080/tcp'] } },
    );
    expect(plan.changes).toEqual([]);
    expect(plan.blocked).toMatchObject([
      {
        id: 'compose-stack:photo',
        state: 'degraded',
        reasons: [{ field: 'port', from: '127.0.0.1:9000/tcp', to: null }],
      },
    ]);
    expect(planOf({ published: ['9000/tcp'] }, { wanted: { published: null } }).blocked).toEqual([]);
  });
});

describe('a container that Git does not know', () => {
  const stranger = (over: Partial<ObservedContainer>) =>
    build.seenContainer('x', { name: 'stranger', project: null, service: null, ...over });
  const told = (over: Partial<ObservedContainer>, inventory?: Inventory) =>
    planOf({}, { others: [stranger(over)], ...(inventory === undefined ? {} : { inventory }) }).reports;

  it('is told where it is reached from outside, or stands on a network of Git', () => {
    const notices = told({ published: ['5000/tcp'], networks: { photo_net: 'net-photo_net', other: 'o' } });
    expect(notices).toMatchObject([
      { id: 'compose-stack:stranger', verb: 'report', state: 'not-in-git', service: null },
    ]);
    expect(notices[0]?.reasons.map(({ note }) => note)).toEqual([
      'stranger is reached from outside at port 5000/tcp',
      'stranger is on photo_net',
    ]);
  });

  it.each<[string, Partial<ObservedContainer>, string]>([
    [
      'on the network of the host',
      { networks: { host: 'h' } },
      'stranger is on the network of the host: whatever port it opens is reached from outside',
    ],
    [
      'on a network that compose has made for a service',
      { networks: { photo_default: 'net-photo_default' } },
      'stranger is on photo_default',
    ],
    [
      'that is a one-off of a project that Git does not know',
      { project: 'other', oneOff: true, networks: { photo_net: 'net-photo_net' } },
      'stranger is on photo_net',
    ],
    [
      'inside the network of a container of Git',
      { networks: {}, sharesNetworkOf: 'id-server' },
      'stranger is inside the network of photo-server: it is wherever that one is, and hears what is local to it',
    ],
  ])('%s is told', (_name, over, note) => {
    expect(told(over)[0]?.reasons.map((reason) => reason.note)).toEqual([note]);
  });

  it.each<[string, Partial<ObservedContainer>]>([
    ['that keeps to itself', { networks: { other: 'o' } }],
    ['inside the network of nobody who is known', { networks: {}, sharesNetworkOf: 'id-gone' }],
    ['inside the network of another of its kind', { networks: {}, sharesNetworkOf: 'id-x' }],
    ['that does not run', { state: 'exited', published: ['5000/tcp'] }],
    ['of a restore drill', { project: 'steward-drill-photo', networks: { photo_net: 'net-photo_net' } }],
    ['that is a one-off of a service', { project: 'photo', oneOff: true, networks: own }],
  ])('%s is nobody’s business', (_name, over) => {
    expect(told(over)).toEqual([]);
  });
});
