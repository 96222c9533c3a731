import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredRoute } from '../../desired-state/types.ts';
import { hubProblems } from '../../reconciler/hub-commit.ts';
import { type HubPlans, hubPlans, type Lab, own, route, tlsSite } from '../support/hub-plans.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** Plans for the hub out of what the real Caddy says. */

let caddy: RealCaddy;
let hub: HubPlans;
beforeAll(async () => {
  caddy = await realCaddy();
  hub = hubPlans(caddy);
  await caddy.start();
});
beforeEach(() => caddy.reset());
afterAll(() => caddy.remove());

const caddyfile: HubPlans['caddyfile'] = () => hub.caddyfile();
const labOf: HubPlans['labOf'] = (...args) => hub.labOf(...args);
const look: HubPlans['look'] = (lab) => hub.look(lab);
const plan: HubPlans['plan'] = (lab) => hub.plan(lab);
const converge: HubPlans['converge'] = (lab) => hub.converge(lab);
const planned: HubPlans['planned'] = (lab) => hub.planned(lab);

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
