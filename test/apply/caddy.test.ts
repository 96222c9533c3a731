import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { observeHub } from '../../observers/caddy.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { driftOf } from '../../reconciler/kinds/route/compare.ts';
import type { CaddyLoad } from '../../reconciler/types.ts';
import { load } from '../../tools/caddy/admin.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

let hub: RealCaddy;

function step(over: Partial<CaddyLoad>): CaddyLoad {
  const { socket, folder, line } = hub;
  return {
    ...{ op: 'caddy-load', socket, folder, caddyfile: hub.own(), line, name: 'photo', snippet: null },
    ...over,
  };
}

const run = (over: Partial<CaddyLoad>) => hostExecutor({}).execute(step(over), {});
const site = (name: string, text: string) => hub.site(name, text);
const hostsThatDiffer = (running: unknown, kept: unknown) => [...driftOf(running, kept).hosts];

beforeAll(async () => {
  hub = await realCaddy();
  await hub.start();
});
beforeEach(() => hub.reset());
afterAll(() => hub.remove());

it('a route answers once it is loaded, and is written for the next start', async () => {
  await run({ snippet: site('photo', 'pictures') });
  expect(await hub.answer('photo.lan')).toBe('pictures');
  expect(await hub.answer('hub.lan')).toBe('by hand');
  expect(readdirSync(hub.folder)).toEqual(['photo.caddy']);
  await hub.kill();
  await hub.start();
  expect(await hub.answer('photo.lan')).toBe('pictures');
  const { running, kept } = await hub.seen();
  expect(running).toEqual(kept);
});

it('what is written first follows no link that the container has put there', async () => {
  const victim = path.join(path.dirname(hub.folder), 'victim');
  writeFileSync(victim, 'root:secret\n');
  for (const name of ['photo.caddy.new', '.photo.caddy.partial'])
    symlinkSync(victim, path.join(hub.folder, name));
  await run({ snippet: site('photo', 'pictures') });
  expect(readFileSync(victim, 'utf8')).toBe('root:secret\n');
  expect(await hub.answer('photo.lan')).toBe('pictures');
});

it('what was loaded is seen as such, and others stay', async () => {
  const snippets = { photo: site('photo', 'pictures'), git: site('git', 'code') };
  await Promise.all(Object.entries(snippets).map(([name, snippet]) => run({ name, snippet })));
  const { running, kept, ...rest } = await hub.seen(snippets);
  const nothing = new Map();
  expect(rest).toEqual({
    ...{ files: new Map(Object.entries(snippets)), atStart: null, refused: nothing, strange: nothing },
  });
  expect(running).toEqual(kept);
});

it('one that Caddy refuses is not written, and all goes on as it was', async () => {
  await run({ snippet: site('photo', 'pictures') });
  const bad = `http://photo.lan:${hub.port} {\n\tresponse nothing\n}\n`;
  await expect(run({ snippet: bad })).rejects.toThrow(
    /the routes of photo were not loaded: Caddy refuses it: .*unrecognized directive: response/,
  );
  expect(await hub.answer('photo.lan')).toBe('pictures');
  expect(readFileSync(path.join(hub.folder, 'photo.caddy'), 'utf8')).toContain('pictures');
});

it.each([
  ['', (text: string) => text],
  // Caddy answers with 200 and its warnings then, and says behind them that it has not loaded it.
  [' and is not formatted', (text: string) => text.replaceAll('\t', '  ')],
])('one that Caddy can read and not run%s is not written either', async (_name, written) => {
  await run({ snippet: site('photo', 'pictures') });
  const unusable = `https://photo.lan:${hub.port + 1} {\n\ttls /nowhere /nokey\n}\n`;
  await expect(run({ snippet: written(unusable) })).rejects.toThrow(/Caddy refuses it: .*no such file/);
  expect(await hub.answer('photo.lan')).toBe('pictures');
  expect(readFileSync(path.join(hub.folder, 'photo.caddy'), 'utf8')).toContain('pictures');
});

it('those that come at the same time are loaded together, and one that is refused stands alone', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const snippets = names.map((name) =>
    name === 'c' ? `http://c.lan:${hub.port} {\n\tnonsense\n}\n` : site(name, name),
  );
  const results = await Promise.allSettled(
    names.map((name, index) => run({ name, snippet: snippets[index] ?? '' })),
  );
  expect(results.map(({ status }) => status)).toEqual(
    [...'ffrff'].map((one) => (one === 'f' ? 'fulfilled' : 'rejected')),
  );
  expect((results[2] as PromiseRejectedResult).reason.message).toMatch(
    /^the routes of c were not loaded: Caddy refuses it/,
  );
  expect(await Promise.all(['a', 'e'].map((name) => hub.answer(`${name}.lan`)))).toEqual(['a', 'e']);
  expect(readdirSync(hub.folder).sort()).toEqual(['a.caddy', 'b.caddy', 'd.caddy', 'e.caddy']);
});

it('one that is refused does not keep the others, and what it was before stays', async () => {
  await run({ snippet: site('photo', 'pictures') });
  const photo = `http://photo.lan:${hub.port} {\n\tnonsense\n}\n`;
  const { refused, kept, running, atStart } = await hub.seen({ photo, git: site('git', 'code') });
  expect([...refused.keys()]).toEqual(['photo']);
  expect(refused.get('photo')).toContain('photo.caddy:2: unrecognized directive: nonsense');
  expect(running).toEqual(kept);
  expect(atStart).toBeNull();
});

it('of two that want the same, the first gets it, and the other is told so', async () => {
  const snippets = { git: site('photo', 'code'), photo: site('photo', 'pictures') };
  const { refused } = await hub.seen(snippets);
  expect([...refused.keys()]).toEqual(['photo']);
  expect(refused.get('photo')).toContain('ambiguous site definition');
});

it('a Caddyfile of the hub that is refused is named itself', async () => {
  const caddyfile = hub.own().replace('respond', 'nonsense');
  const { refused, kept, atStart } = await hub.seen({ git: site('git', 'code') }, { caddyfile });
  expect(kept).toBeNull();
  expect([...refused.keys()]).toEqual(['hub/Caddyfile']);
  expect(atStart).toMatch(/Caddyfile:7: unrecognized directive: nonsense$/);
});

it('a hub would not come up with a Caddyfile that has a site of a route', async () => {
  await run({ snippet: site('photo', 'pictures') });
  const caddyfile = hub.own() + site('photo', 'by hand');
  const { atStart, kept } = await hub.seen({ photo: site('photo', 'pictures') }, { caddyfile });
  expect(kept).not.toBeNull();
  expect(atStart).toMatch(/^photo.caddy: .*ambiguous site definition: http:\/\/photo\.lan/);
});

it('a hand on the running configuration is seen, whatever the files say', async () => {
  await run({ snippet: site('photo', 'pictures') });
  await load(hub.own('changed by hand').replace(hub.line, ''), { socket: hub.socket });
  const { running, kept } = await hub.seen({ photo: site('photo', 'pictures') });
  expect(hostsThatDiffer(running, kept).sort()).toEqual(['hub.lan', 'photo.lan']);
});

it('one that goes is gone from the hub and from the folder', async () => {
  await run({ snippet: site('photo', 'pictures') });
  await run({ snippet: '' });
  expect(await hub.answer('photo.lan')).toBe('');
  expect(existsSync(path.join(hub.folder, 'photo.caddy'))).toBe(false);
  const { running, kept } = await hub.seen();
  expect(running).toEqual(kept);
});

it('without an answer nothing is known, and nothing is written', async () => {
  const nowhere = { ...step({}), socket: `${hub.home}/none.sock`, snippet: site('photo', 'x') };
  await expect(hostExecutor({}).execute(nowhere, {})).rejects.toThrow(
    'Caddy is not running: there is no admin socket',
  );
  expect(readdirSync(hub.folder)).toEqual([]);
  const found = await observeHub(hub.request({}, { socket: nowhere.socket }), {});
  expect(found).toEqual({ known: false, error: 'Caddy is not running: there is no admin socket' });
});

it('a folder that is not there is not made: its dataset may not be mounted', async () => {
  const nowhere = { ...step({}), folder: `${hub.home}/unmounted/routes`, snippet: site('photo', 'x') };
  await expect(hostExecutor({}).execute(nowhere, {})).rejects.toThrow(
    'cannot be read, so no route was loaded',
  );
  expect(existsSync(`${hub.home}/unmounted`)).toBe(false);
});

it.each([null, [], { apps: { http: { servers: { s: { routes: { a: 1 } } } } } }, 'nonsense'])(
  'nonsense (%j) is another configuration, and no crash',
  async (nonsense) => {
    await run({ snippet: site('photo', 'pictures') });
    const { kept } = await hub.seen();
    const drift = driftOf(nonsense, kept);
    expect([drift.none, drift.hosts.has('photo.lan')]).toEqual([false, true]);
  },
);
