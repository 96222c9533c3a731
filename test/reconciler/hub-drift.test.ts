import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredHub, DesiredRoute } from '../../desired-state/types.ts';
import { observeHub } from '../../observers/caddy.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { hubProblems } from '../../reconciler/hub-commit.ts';
import { requestOf } from '../../reconciler/observe-request.ts';
import { makePlan, type PlanInput, type Planned } from '../../reconciler/plan.ts';
import { emptyInventory, type Inventory, type InventoryEntry } from '../../reconciler/state/inventory.ts';
import * as build from '../support/build.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** Plans for the hub out of what the real Caddy says. */

let caddy: RealCaddy;
beforeAll(async () => {
  caddy = await realCaddy();
  await caddy.start();
});
beforeEach(() => caddy.reset());
afterAll(() => caddy.remove());

const own = build.route('hub/Caddyfile', { service: 'hub', snippet: null, needs: ['compose-stack:hub'] });
const stack = build.stack('hub', { containers: [build.container('caddy', { containerName: 'hub' })] });
const container = build.seenContainer('caddy', { name: 'hub', project: 'hub' });

/** With ports of its own, so that certificates can be spoken of without those of the machine. */
function caddyfile(): string {
  const { socket, line, port } = caddy;
  const ports = [`http_port ${port}`, `https_port ${port + 1}`];
  const options = ['skip_install_trust', 'auto_https disable_redirects', ...ports];
  return `{\n\tadmin unix/${socket}\n${options.map((each) => `\t${each}\n`).join('')}}\n${line}\n`;
}

const tlsSite = (name: string, lines = '') =>
  `${name}.lan {\n\ttls internal\n${lines}\trespond "${name}"\n}\n`;

const route = (name: string, snippet: string, hosts = [`${name}.lan`]) =>
  build.route(name, { snippet, hosts });

interface Lab {
  routes: DesiredRoute[];
  inventory: Inventory;
  caddyfile: string;
  /** Services that break the policy. */
  broken: string[];
  suspended: string[];
}

function labOf(routes: DesiredRoute[], over: Partial<Lab> = {}): Lab {
  return { routes, inventory: emptyInventory(), caddyfile: caddyfile(), broken: [], suspended: [], ...over };
}

async function look({ routes, inventory, caddyfile: text, broken, suspended }: Lab): Promise<PlanInput> {
  const { socket, folder, line } = caddy;
  const names = { service: 'hub', container: 'hub', stack: stack.id };
  const hub: DesiredHub = { ...names, socket, folder, line, caddyfile: text };
  const findings = broken.map((service) => ({
    ...{ severity: 'error' as const, file: 'a', line: 1, column: 1, message: 'it is open' },
    ...{ rule: 'privileged' as const, service, container: null },
  }));
  const policy = { findings, exceptions: [] };
  const desired = build.desired([stack, own, ...routes], { hub, policy, suspended });
  const request = requestOf(desired, inventory, undefined).hub;
  if (request === undefined) throw new Error('the hub would not be asked');
  const observed = build.observed({ containers: [container], hub: await observeHub(request, {}) });
  return { desired, observed, inventory, nowMs: 0 };
}

const plan = async (lab: Lab) => makePlan(await look(lab));

/** Carried out, and recorded as a cycle would. */
async function converge(lab: Lab): Promise<Lab> {
  const planned = await plan(lab);
  for (const { steps } of planned.plan.changes)
    for (const step of steps) await hostExecutor({}).execute(step, {});
  return { ...lab, inventory: recorded(planned, lab) };
}

function recorded(
  { plan: { commit, changes, inSync }, data }: Planned,
  { routes, inventory }: Lab,
): Inventory {
  const done = new Set<string>([...changes.map(({ id }) => id), ...inSync]);
  const since = { ownedSince: commit.id, appliedCommit: commit.id, orphanedSince: null };
  const entries = [own, ...routes]
    .filter(({ id }) => done.has(id))
    .map((each): [InventoryEntry['id'], InventoryEntry] => {
      const { id, kind, name, service } = each;
      return [id, { id, kind, name, service, ...since, data: data.get(id) ?? {} }];
    });
  return { ...inventory, entries: new Map([...inventory.entries, ...entries]) };
}

async function planned(lab: Lab) {
  const { changes, blocked } = (await plan(lab)).plan;
  return {
    changes: changes.map(({ id }) => id),
    blocked: Object.fromEntries(
      blocked.map(({ id, state, reasons }) => [id, `${state}: ${reasons[0]?.note}`]),
    ),
  };
}

const nothing = { changes: [], blocked: {} };
const only = (...routes: DesiredRoute[]) => ({ changes: routes.map(({ id }) => id), blocked: {} });

it('what was loaded is in sync, whatever it has brought along', async () => {
  const lab = await converge(labOf([route('photo', tlsSite('photo')), route('git', caddy.site('git', 'x'))]));
  expect(await planned(lab)).toEqual(nothing);
});

describe('a hand on the admin API', () => {
  let lab: Lab;
  beforeEach(async () => {
    const [photo, git] = [route('photo', tlsSite('photo')), route('git', tlsSite('git', '\tlog\n'))];
    lab = await converge(labOf([photo, git]));
  });
  const routes = 'apps/http/servers/srv0/routes';
  const acme = { module: 'acme', ca: 'https://127.0.0.1:1/none' };

  it.each([
    ['the site', () => caddy.byHand('DELETE', `${routes}/0`)],
    ['what it answers', () => caddy.byHand('PATCH', `${routes}/0/handle`, [{ handler: 'static_response' }])],
    [
      'who issues its certificate',
      () =>
        caddy.byHand('PATCH', 'apps/tls/automation/policies', [
          { subjects: ['photo.lan'], issuers: [acme] },
          { subjects: ['git.lan'], issuers: [{ module: 'internal' }] },
        ]),
    ],
    [
      'how it speaks TLS',
      () =>
        caddy.byHand('POST', 'apps/http/servers/srv0/tls_connection_policies', [
          { match: { sni: ['photo.lan'] }, protocol_min: 'tls1.3' },
          {},
        ]),
    ],
    ['whether it is logged', () => caddy.byHand('DELETE', 'apps/http/servers/srv0/logs/skip_hosts')],
  ])('that changes %s of one route is drift of that route, and put right', async (_name, hand) => {
    const [photo] = lab.routes;
    await hand();
    const { changes } = (await plan(lab)).plan;
    expect(changes.map(({ id }) => id)).toEqual([photo?.id]);
    expect(changes[0]?.reasons[0]?.note).toBe('the hub runs with something else: changed by hand');
    await converge(lab);
    expect(await planned(lab)).toEqual(nothing);
  });

  it.each([
    ['an option of all', () => caddy.byHand('PUT', 'logging', { logs: { default: { level: 'ERROR' } } })],
    [
      'a certificate of its own',
      () => caddy.byHand('POST', 'apps/tls/automation/policies', { on_demand: true }),
    ],
    [
      'the order of sites',
      async () => {
        const { running } = await caddy.seen();
        const [first, second] = (running as Running).apps.http.servers.srv0.routes;
        await caddy.byHand('PATCH', routes, [second, first]);
      },
    ],
  ])('that changes %s is drift of the hub itself', async (_name, hand) => {
    await hand();
    expect(await planned(lab)).toEqual(only(own));
    await converge(lab);
    expect(await planned(lab)).toEqual(nothing);
  });
  type Running = { apps: { http: { servers: { srv0: { routes: unknown[] } } } } };
});

describe("a route that changes more than its own site is no drift of the hub's Caddyfile", () => {
  it.each([
    ['the first without TLS', () => caddy.site('photo', 'x')],
    ['the first of its own authority', () => tlsSite('photo')],
    ['the first that is logged', () => tlsSite('photo', '\tlog\n')],
  ])('%s', async (_name, snippet) => {
    const lab = await converge(labOf([]));
    const photo = route('photo', snippet());
    expect(await planned({ ...lab, routes: [photo] })).toEqual(only(photo));
    expect(await planned(await converge({ ...lab, routes: [photo] }))).toEqual(nothing);
  });

  it('one that can be read and not be run', async () => {
    const lab = await converge(labOf([]));
    const photo = route('photo', tlsSite('photo').replace('tls internal', 'tls /nowhere /nokey'));
    await expect(converge({ ...lab, routes: [photo] })).rejects.toThrow('no such file');
    expect(await planned({ ...lab, routes: [photo] })).toEqual(only(photo));
  });

  it.each([
    ['breaks the policy', { broken: ['photo'] }, { 'caddy-route:photo': 'policy: it is open (privileged)' }],
    ['is suspended', { suspended: ['photo'] }, {}],
  ])('one whose service %s keeps the file that it has', async (_name, held, blocked) => {
    const [before, git] = [route('photo', tlsSite('photo')), route('git', tlsSite('git'))];
    const lab = await converge(labOf([before, git]));
    const photo = route('photo', tlsSite('photo', '\tlog\n\tnonsense\n'));
    expect(await planned({ ...lab, ...held, routes: [photo, git] })).toEqual({ changes: [], blocked });
  });
});

it('with another Caddyfile only that is loaded, and the sites that become others come with it', async () => {
  const lab = await converge(labOf([route('photo', tlsSite('photo'))]));
  const moved = { ...lab, caddyfile: caddyfile().replace(/https_port \d+/, `https_port ${caddy.port + 2}`) };
  expect(await planned(moved)).toEqual(only(own));
  expect(await planned(await converge(moved))).toEqual(nothing);
});

describe('a commit with another Caddyfile', () => {
  const places = async (lab: Lab) => {
    const { desired, observed, inventory } = await look(lab);
    return hubProblems(desired, observed, inventory).map(({ line, message }) => `${line} ${message}`);
  };
  const broken = () => `${caddyfile()}hub.lan {\n\tnonsense\n}\n`;

  it('that Caddy refuses is told with the line of its file, whatever lies in the folder', async () => {
    const lab = await converge(labOf([route('photo', tlsSite('photo', '\tlog\n'))]));
    const [problem, ...others] = await places({ ...lab, caddyfile: broken() });
    expect(problem).toMatch(/^10 Caddy refuses it: .*Caddyfile:10: unrecognized directive: nonsense$/);
    expect(others).toEqual([]);
  });

  it('that Caddy refuses beside a route that lies there is told as well', async () => {
    const lab = await converge(labOf([route('photo', tlsSite('photo'))]));
    expect(await places({ ...lab, caddyfile: caddyfile() + tlsSite('photo') })).toEqual([
      expect.stringMatching(/^4 a hub that starts with it would not come up: photo\.caddy: .*ambiguous site/),
    ]);
  });

  it('that Caddy takes is none to speak of, and so is a route that it refuses', async () => {
    const lab = await converge(labOf([]));
    const fine = { ...lab, caddyfile: `${caddyfile()}hub.lan {\n\ttls internal\n}\n` };
    expect(await places({ ...fine, routes: [route('photo', 'photo.lan {\n\tnonsense\n}\n')] })).toEqual([]);
  });
});

describe('what Caddy refuses', () => {
  it('of the hub itself holds all routes where they are, and is said of each', async () => {
    const photo = route('photo', tlsSite('photo'));
    const lab = await converge(labOf([photo]));
    const bad = { ...lab, caddyfile: `${caddyfile()}hub.lan {\n\tnonsense\n}\n` };
    const { changes, blocked } = await planned(bad);
    expect(changes).toEqual([]);
    expect(blocked[own.id]).toContain('refused: Caddy refuses it: ');
    expect(blocked[photo.id]).toMatch(
      /^waiting: Caddy refuses the hub's own Caddyfile: .*Caddyfile:10: unrecog/,
    );
  });

  it('in a file of somebody else is named with its file; routes as they are stay so', async () => {
    const photo = route('photo', tlsSite('photo'));
    const lab = await converge(labOf([photo]));
    const file = path.join(caddy.folder, 'mine.caddy');
    writeFileSync(file, 'mine.lan {\n\tnonsense\n}\n');
    const git = route('git', tlsSite('git'));
    const { changes, blocked } = await planned({ ...lab, routes: [photo, git] });
    const words = `Caddy refuses ${file}, and with it all that is loaded: `;
    expect(changes).toEqual([]);
    expect(Object.keys(blocked).sort()).toEqual([git.id, own.id].sort());
    expect(blocked[git.id]).toContain(`waiting: ${words}`);
    expect(blocked[own.id]).toContain(`refused: ${words}`);
    expect(blocked[own.id]).toMatch(
      /mine\.caddy:2: unrecognized directive: nonsense; mend it, or take it away$/,
    );
    rmSync(file);
    expect(await planned({ ...lab, routes: [photo, git] })).toEqual(only(git));
  });

  it('in a file of a route that a hand has broken is put right', async () => {
    const [photo, git] = [route('photo', tlsSite('photo')), route('git', tlsSite('git'))];
    const lab = await converge(labOf([photo, git]));
    writeFileSync(path.join(caddy.folder, 'photo.caddy'), 'photo.lan {\n\tnonsense\n}\n');
    expect(await planned(lab)).toEqual(only(photo));
    expect(await planned(await converge(lab))).toEqual(nothing);
  });

  it('is told of a service whatever its name', async () => {
    const odd = route('constructor', tlsSite('odd'), ['odd.lan']);
    expect(await planned(await converge(labOf([odd])))).toEqual(nothing);
  });
});

it('a name moves from a service that loses all of its routes to another', async () => {
  const lab = await converge(labOf([route('old', tlsSite('photo'), ['photo.lan'])]));
  const photo = route('photo', tlsSite('photo'));
  const moved = { ...lab, routes: [photo] };
  expect(await planned(moved)).toEqual({ changes: ['caddy-route:old', photo.id], blocked: {} });
  const { inventory } = await converge(moved);
  inventory.entries.delete('caddy-route:old');
  expect(await planned({ ...moved, inventory })).toEqual(nothing);
});

describe('hosts change places:', () => {
  const sites = (places: Record<string, string>) =>
    Object.entries(places).map(([name, host]) =>
      route(name, caddy.site(host, `${host} of ${name}`), [`${host}.lan`]),
    );

  it.each([
    ['two services swap theirs', { a: 'x', b: 'y', c: 'z' }, { a: 'y', b: 'x', c: 'z' }],
    ['three pass theirs on', { a: 'x', b: 'y', c: 'z' }, { a: 'y', b: 'z', c: 'x' }],
    ['one goes to a service that comes first', { a: 'x', b: 'y' }, { a: 'y', b: 'z' }],
  ])('%s, and all answer at once', async (_name, before, after) => {
    const lab = await converge(labOf(sites(before)));
    const moved = { ...lab, routes: sites(after) };
    const planned1 = await plan(moved);
    const [first] = planned1.plan.changes;
    for (const step of first?.steps ?? []) await hostExecutor({}).execute(step, {});
    for (const [name, host] of Object.entries(after))
      expect(await caddy.answer(`${host}.lan`)).toBe(`${host} of ${name}`);
    expect(await planned(await converge(moved))).toEqual(nothing);
  });

  it('carried out at the same time as well', async () => {
    const lab = await converge(labOf(sites({ a: 'x', b: 'y' })));
    const { changes } = (await plan({ ...lab, routes: sites({ a: 'y', b: 'x' }) })).plan;
    const steps = changes.flatMap((each) => each.steps);
    await Promise.all(steps.map((step) => hostExecutor({}).execute(step, {})));
    expect(await caddy.answer('x.lan')).toBe('x of b');
  });

  it('one that its service keeps, as it is held back, stays there', async () => {
    const lab = await converge(labOf(sites({ a: 'x', b: 'y' })));
    const { blocked, changes } = await planned({ ...lab, routes: sites({ a: 'y', b: 'x' }), broken: ['b'] });
    expect(changes).toEqual([]);
    expect(blocked['caddy-route:a']).toContain('ambiguous site definition');
  });

  it('others are none of it', async () => {
    const lab = await converge(labOf(sites({ a: 'x', b: 'y' })));
    const { changes } = (await plan({ ...lab, routes: sites({ a: 'z', b: 'w' }) })).plan;
    expect(changes.flatMap((each) => each.steps).every((step) => !('along' in step))).toBe(true);
  });
});
