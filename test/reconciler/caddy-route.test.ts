import { describe, expect, it } from 'vitest';
import type { DesiredHub, DesiredResource, DesiredState } from '../../desired-state/types.ts';
import type { ObservedHub, ObservedState } from '../../observers/types.ts';
import { makePlan } from '../../reconciler/plan.ts';
import { emptyInventory, type Inventory } from '../../reconciler/state/inventory.ts';
import { digest } from '../../tools/digest.ts';
import * as build from '../support/build.ts';

const hub: DesiredHub = {
  ...{ service: 'central_hub', container: 'central_hub', stack: 'compose-stack:central_hub' },
  ...{ socket: '/run/admin.sock', folder: '/routes', caddyfile: 'import *', line: 'import *' },
};
const stack = build.stack('central_hub', {
  containers: [build.container('caddy', { containerName: 'central_hub' })],
});
const own = build.route('central_hub/Caddyfile', {
  service: 'central_hub',
  snippet: null,
  needs: [hub.stack],
});
const photo = build.route('photo', { snippet: 'new', hosts: ['photo.lan'], needs: [hub.stack] });
const git = build.route('git', { snippet: 'code', hosts: ['git.lan'], needs: [hub.stack] });

/** As Caddy has it: host -> what becomes of its requests. */
function config(sites: Record<string, string>, admin = 'as it is'): unknown {
  const routes = Object.entries(sites).map(([host, handle]) => ({ match: [{ host: [host] }], handle }));
  return { admin, apps: { http: { servers: { srv0: { listen: [':443'], routes } } } } };
}

const texts = (record: Record<string, string>) => new Map(Object.entries(record));
const kept = config({ 'git.lan': 'code', 'photo.lan': 'new' });
const right: ObservedHub = {
  ...{ running: kept, kept, files: texts({ git: 'code', photo: 'new' }) },
  ...{ atStart: null, refused: texts({}), strange: texts({}) },
};
const running = build.seenContainer('caddy', { name: 'central_hub', project: 'central_hub' });

function planOf(
  value: Partial<ObservedHub> | null,
  over: {
    resources?: DesiredResource[];
    inventory?: Inventory;
    containers?: (typeof running)[];
    policy?: DesiredState['policy'];
  } = {},
) {
  const { resources = [stack, own, photo, git], inventory = emptyInventory(), containers = [running] } = over;
  const seen: ObservedState['hub'] =
    value === null
      ? { known: false, error: 'Caddy is not running' }
      : { known: true, value: { ...right, ...value } };
  const input = build.planInput(resources, build.observed({ containers, hub: seen }));
  const { policy = input.desired.policy } = over;
  return makePlan({ ...input, inventory, desired: { ...input.desired, hub, policy } }).plan;
}

const said = (plan: ReturnType<typeof planOf>) => plan.blocked.map(({ id, state }) => `${state} ${id}`);

describe('an address that requests are sent to', () => {
  const far = build.route('photo', { ...photo, snippet: 'other', addresses: ['172.18.0.1'] });
  const seen = (driver: string) => {
    const networks = [{ name: 'left_default', driver, subnets: ['fd00::/64', '172.18.0.0/16'] }];
    const input = build.planInput(
      [stack, own, far, git],
      build.observed({ containers: [running], networks, hub: { known: true, value: right } }),
    );
    return makePlan({ ...input, desired: { ...input.desired, hub } }).plan;
  };

  it('is refused where a bridge of Docker has it, which Git need not know', () => {
    const { blocked, changes } = seen('bridge');
    expect(changes).toEqual([]);
    expect(blocked).toMatchObject([{ id: 'caddy-route:photo', state: 'refused' }]);
    expect(blocked[0]?.reasons[0]?.note).toMatch(/^172\.18\.0\.1 is on the Docker network left_default: /);
  });

  it('is taken where the network is that of the home', () => {
    expect(seen('macvlan').changes.map(({ id }) => id)).toEqual(['caddy-route:photo']);
  });
});

it('what the hub runs with as Git says is left alone', () => {
  expect(planOf({})).toMatchObject({ changes: [], blocked: [] });
});

it('a route that is another one is loaded, and no other', () => {
  const changed = config({ 'git.lan': 'code', 'photo.lan': 'old' });
  const [change, ...others] = planOf({ running: changed }).changes;
  const step = {
    op: 'caddy-load',
    socket: hub.socket,
    folder: hub.folder,
    caddyfile: 'import *',
    line: 'import *',
  };
  expect(change).toMatchObject({
    id: photo.id,
    steps: [{ ...step, name: 'photo', snippet: 'new' }],
    disruption: { level: 'none' },
  });
  expect(others).toEqual([]);
});

const asked = { host: 'photo.lan', path: '/', tls: 'internal' as const };
const watched = build.route('photo', { ...photo, probes: [asked] });

describe('a route that the hub has', () => {
  const entry = (text: string) => ({
    ...{ id: watched.id, kind: watched.kind, name: watched.name, service: watched.service },
    ...{ ownedSince: 'a', appliedCommit: 'a', orphanedSince: null },
    data: { hosts: photo.hosts, shown: photo.shown, digest: digest(text) },
  });
  const known = (text: string, error: string | null = null): Inventory => ({
    ...emptyInventory(),
    entries: new Map([[watched.id, entry(text)]]),
    probes: new Map([['https://photo.lan', { ...noAnswer, error }]]),
  });
  const noAnswer = {
    ...{ url: 'https://photo.lan', service: 'photo', atMs: 0, sinceMs: 0 },
    ...{ status: null, latencyMs: null, certificateEndsMs: null },
  };
  const resources = [stack, own, watched, git];

  it('and that has answered is left alone, whatever it answers now', () => {
    expect(planOf({}, { resources, inventory: known('new', 'nobody listens') }).changes).toEqual([]);
  });

  it('and that was not asked yet is loaded again, and waited for until it answers', () => {
    const [change, ...others] = planOf({}, { resources }).changes;
    const probe = {
      service: 'photo',
      container: 'central_hub',
      socket: hub.socket,
      targets: [asked],
      timeoutSeconds: 30,
    };
    expect(change).toMatchObject({
      id: watched.id,
      probe,
      reasons: [{ field: 'answers', note: 'it was not asked yet' }],
    });
    expect(others).toEqual([]);
  });

  it('and that kept silent is tried again, without waiting for it a second time', () => {
    const [change] = planOf({}, { resources, inventory: known('old', 'the hub answers 502') }).changes;
    expect(change?.reasons[0]?.note).toBe('it did not answer: the hub answers 502');
    expect(change?.probe?.timeoutSeconds).toBe(2);
  });
});

it.each([
  ['runs and was not kept', { files: texts({ git: 'code' }) }],
  ['is kept as another', { files: texts({ git: 'code', photo: 'old' }) }],
])('one that %s is loaded again', (_name, over) => {
  expect(planOf(over).changes.map(({ id }) => id)).toEqual([photo.id]);
});

it("a hand on the hub's own part is put right, and takes no blame for routes that change", () => {
  const byHand = config({ 'git.lan': 'code', 'photo.lan': 'new' }, 'changed');
  const [change, ...others] = planOf({ running: byHand }).changes;
  expect(change).toMatchObject({ id: own.id, steps: [{ name: own.name, snippet: null }] });
  expect(change?.reasons[0]?.note).toBe('the hub runs with something else: changed by hand');
  expect(others).toEqual([]);
});

it('one that Caddy refuses is blocked with its words; the others are loaded', () => {
  const refused = texts({ photo: 'unrecognized directive' });
  const plan = planOf({ refused, files: texts({}), running: config({}), kept: config({}) });
  expect(plan.changes.map(({ id }) => id)).toEqual([git.id]);
  expect(said(plan)).toEqual([`refused ${photo.id}`]);
  expect(plan.blocked[0]?.reasons[0]?.note).toBe('Caddy refuses it: unrecognized directive');
});

it('one that answers for the hub is blocked, and says so; the others are loaded', () => {
  const stray = texts({ photo: 'photo.lan is a host of the Caddyfile of the hub' });
  const plan = planOf({ stray, files: texts({}), running: config({}), kept: config({}) });
  expect(plan.changes.map(({ id }) => id)).toEqual([git.id]);
  expect(said(plan)).toEqual([`refused ${photo.id}`]);
  expect(plan.blocked[0]?.reasons[0]?.note).toBe('photo.lan is a host of the Caddyfile of the hub');
});

it('a hub that runs and does not answer is left alone; one that is to be started is told afterwards', () => {
  expect(said(planOf(null))).toEqual([own, git, photo].map(({ id }) => `unknown ${id}`));
  const { changes } = planOf(null, { containers: [] });
  expect(changes.map(({ id, needs }) => [id, needs])).toEqual([
    [stack.id, []],
    [git.id, [stack.id]],
    [photo.id, [stack.id]],
  ]);
});

describe('a hub that does not answer, and that this plan makes anew', () => {
  // Its socket is another one, or the first that it has: compose sees another label, or another mount.
  const old = { ...running, configHash: 'of another socket' };

  it('is told its routes afterwards, in the same plan', () => {
    const plan = planOf(null, { containers: [old] });
    expect(said(plan)).toEqual([]);
    expect(plan.changes.map(({ id, needs }) => [id, needs])).toEqual([
      [stack.id, []],
      [git.id, [stack.id]],
      [photo.id, [stack.id]],
    ]);
  });

  it('is not told those of a service that is held back', () => {
    const policy = { findings: [{ ...finding, service: 'photo' }], exceptions: [] };
    const plan = planOf(null, { containers: [old], policy });
    expect(plan.changes.map(({ id }) => id)).toEqual([stack.id, git.id]);
    expect(said(plan)).toEqual([`unknown ${photo.id}`]);
  });

  it('waits with them where it is held back itself', () => {
    const policy = { findings: [{ ...finding, service: 'central_hub' }], exceptions: [] };
    const plan = planOf(null, { containers: [old], policy });
    expect(plan.changes).toEqual([]);
    expect(said(plan)).toContain(`unknown ${photo.id}`);
  });

  const finding = {
    ...{ severity: 'error' as const, file: 'a', line: 1, column: 1, message: 'it is open' },
    ...{ rule: 'privileged' as const, container: null },
  };
});

describe('as long as Caddy refuses a file of somebody else', () => {
  const strange = texts({ mine: 'unrecognized directive' });

  it('routes that left Git stay, with the reason', () => {
    const { id, kind, name, service } = photo;
    const since = { ownedSince: 'a1', appliedCommit: 'a1', orphanedSince: null };
    const entry = { id, kind, name, service, ...since, data: { hosts: photo.hosts, shown: [] } };
    const inventory = { ...emptyInventory(), entries: new Map([[id, entry]]) };
    const plan = planOf({ strange }, { resources: [stack, own, git], inventory });
    expect(plan.changes).toEqual([]);
    expect(said(plan)).toEqual([`waiting ${id}`, `refused ${own.id}`].sort());
  });
});

it('routes that left Git go out of the hub; one that is not there any more is forgotten', () => {
  const { id, kind, name, service } = photo;
  const since = { ownedSince: 'a1', appliedCommit: 'a1', orphanedSince: null };
  const entry = { id, kind, name, service, ...since, data: { hosts: photo.hosts, shown: [] } };
  const inventory = { ...emptyInventory(), entries: new Map([[id, entry]]) };
  const resources = [stack, own, git];
  const [change] = planOf({}, { resources, inventory }).changes;
  expect(change).toMatchObject({ verb: 'delete', id, steps: [{ name: 'photo', snippet: '' }] });
  const alone = config({ 'git.lan': 'code' });
  const without = { running: alone, kept: alone, files: texts({ git: 'code' }) };
  expect(planOf(without, { resources, inventory }).changes).toEqual([]);
  expect(said(planOf(null, { resources, inventory }))).toContain(`unknown ${id}`);
});
