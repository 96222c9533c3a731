import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { type HubPlans, hubPlans, route } from '../support/hub-plans.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** Caddy has an address once: who gets it, and who gives it away, change in the same moment. */

let caddy: RealCaddy;
let hub: HubPlans;
beforeAll(async () => {
  caddy = await realCaddy();
  hub = hubPlans(caddy);
  await caddy.start();
});
beforeEach(() => caddy.reset());
afterAll(() => caddy.remove());

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
    const lab = await hub.converge(hub.labOf(sites(before)));
    const moved = { ...lab, routes: sites(after) };
    const planned1 = await hub.plan(moved);
    const [first] = planned1.plan.changes;
    for (const step of first?.steps ?? []) await hostExecutor({}).execute(step, {});
    for (const [name, host] of Object.entries(after))
      expect(await caddy.answer(`${host}.lan`)).toBe(`${host} of ${name}`);
    expect(await hub.planned(await hub.converge(moved))).toEqual({ changes: [], blocked: {} });
  });

  it('carried out at the same time as well', async () => {
    const lab = await hub.converge(hub.labOf(sites({ a: 'x', b: 'y' })));
    const { changes } = (await hub.plan({ ...lab, routes: sites({ a: 'y', b: 'x' }) })).plan;
    const steps = changes.flatMap((each) => each.steps);
    await Promise.all(steps.map((step) => hostExecutor({}).execute(step, {})));
    expect(await caddy.answer('x.lan')).toBe('x of b');
  });

  it('one that its service keeps, as it is held back, stays there', async () => {
    const lab = await hub.converge(hub.labOf(sites({ a: 'x', b: 'y' })));
    const { blocked, changes } = await hub.planned({
      ...lab,
      routes: sites({ a: 'y', b: 'x' }),
      broken: ['b'],
    });
    expect(changes).toEqual([]);
    expect(blocked['caddy-route:a']).toContain('ambiguous site definition');
  });

  it('others are none of it', async () => {
    const lab = await hub.converge(hub.labOf(sites({ a: 'x', b: 'y' })));
    const { changes } = (await hub.plan({ ...lab, routes: sites({ a: 'z', b: 'w' }) })).plan;
    expect(changes.flatMap((each) => each.steps).every((step) => !('along' in step))).toBe(true);
  });
});
