import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { observeHub } from '../../observers/caddy.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { sameHub, sameSites } from '../../reconciler/kinds/route/compare.ts';
import type { CaddyLoad } from '../../reconciler/types.ts';
import { load } from '../../tools/caddy/admin.ts';

/** The real Caddy of this machine, on a socket and a port of the test's own. */

const home = mkdtempSync(path.join(tmpdir(), 'hub-'));
const at = (name: string) => path.join(home, name);
const [socket, folder] = [at('admin.sock'), at('routes')];
let port: number;
let caddy: ReturnType<typeof spawn>;

const line = `import ${folder}/*.caddy`;
const own = (text = 'by hand') =>
  `{\n\tadmin unix/${socket}\n\tauto_https off\n}\n${line}\nhttp://hub.lan:${port} {\n\trespond "${text}"\n}\n`;
const site = (name: string, text: string) => `http://${name}.lan:${port} {\n\trespond "${text}"\n}\n`;

function step(over: Partial<CaddyLoad>): CaddyLoad {
  return { op: 'caddy-load', socket, folder, caddyfile: own(), line, name: 'photo', snippet: null, ...over };
}

const run = (over: Partial<CaddyLoad>) => hostExecutor({}).execute(step(over), {});

function look(snippets: Record<string, string> = {}, caddyfile = own()) {
  return observeHub({ socket, folder, caddyfile, line, own: 'hub/Caddyfile', snippets }, {});
}

async function seen(...args: Parameters<typeof look>) {
  const found = await look(...args);
  if (!found.known) throw new Error(found.error);
  return found.value;
}

async function answer(host: string): Promise<string> {
  const asked = request({ port, host: '127.0.0.1', headers: { Host: `${host}:${port}` } });
  asked.end();
  const [response] = await once(asked, 'response');
  return Buffer.concat(await response.toArray()).toString();
}

async function start(): Promise<void> {
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  caddy = spawn('caddy', ['run', '--config', at('Caddyfile'), '--adapter', 'caddyfile'], {
    env,
    stdio: 'ignore',
  });
  await vi.waitFor(async () => expect(await look()).toMatchObject({ known: true }), { timeout: 10_000 });
}

async function stop(): Promise<void> {
  const ended = once(caddy, 'exit');
  caddy.kill('SIGKILL');
  await ended;
}

beforeAll(async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  port = (probe.address() as { port: number }).port;
  probe.close();
  mkdirSync(folder);
  writeFileSync(at('Caddyfile'), own());
  await start();
});

beforeEach(async () => {
  for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
  await load(own(), { socket });
});

afterAll(async () => {
  await stop();
  rmSync(home, { recursive: true });
});

it('a route answers once it is loaded, and is written for the next start', async () => {
  await run({ snippet: site('photo', 'pictures') });
  expect(await answer('photo.lan')).toBe('pictures');
  expect(await answer('hub.lan')).toBe('by hand');
  expect(readdirSync(folder)).toEqual(['photo.caddy']);
  await stop();
  await start();
  expect(await answer('photo.lan')).toBe('pictures');
});

it('what was loaded is seen as such, and others stay', async () => {
  const snippets = { photo: site('photo', 'pictures'), git: site('git', 'code') };
  await Promise.all(Object.entries(snippets).map(([name, snippet]) => run({ name, snippet })));
  const { running, wanted, refused, files } = await seen(snippets);
  expect([refused, files]).toEqual([{}, snippets]);
  expect(sameHub(running, wanted, ['photo.lan', 'git.lan'])).toBe(true);
  expect(sameSites(running, wanted, ['photo.lan'])).toBe(true);
  const changed = await seen({ ...snippets, photo: site('photo', 'others') });
  expect(sameSites(changed.running, changed.wanted, ['photo.lan'])).toBe(false);
  expect(sameSites(changed.running, changed.wanted, ['git.lan'])).toBe(true);
});

it('one that Caddy refuses is not written, and all goes on as it was', async () => {
  await run({ snippet: site('photo', 'pictures') });
  const bad = `http://photo.lan:${port} {\n\tresponse nothing\n}\n`;
  await expect(run({ snippet: bad })).rejects.toThrow(
    /the routes of photo were not loaded: Caddy refuses it: .*unrecognized directive: response/,
  );
  // Fine to read, and it cannot be run: found out only when it is loaded.
  const unusable = `https://photo.lan:${port + 1} {\n\ttls /nowhere /nokey\n}\n`;
  await expect(run({ snippet: unusable })).rejects.toThrow(/no such file/);
  expect(await answer('photo.lan')).toBe('pictures');
  expect(readFileSync(path.join(folder, 'photo.caddy'), 'utf8')).toContain('pictures');
});

it('those that come at the same time are loaded together, and one that is refused stands alone', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const snippets = names.map((name) =>
    name === 'c' ? `http://c.lan:${port} {\n\tnonsense\n}\n` : site(name, name),
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
  expect(await Promise.all(['a', 'e'].map((name) => answer(`${name}.lan`)))).toEqual(['a', 'e']);
  expect(readdirSync(folder).sort()).toEqual(['a.caddy', 'b.caddy', 'd.caddy', 'e.caddy']);
});

it('one that is refused does not keep the others, and what it was before stays', async () => {
  await run({ snippet: site('photo', 'pictures') });
  const git = site('git', 'code');
  const { refused, wanted, running } = await seen({ photo: 'http://photo.lan {\n\tnonsense\n}\n', git });
  expect(Object.keys(refused)).toEqual(['photo']);
  expect(refused.photo).toContain('unrecognized directive: nonsense');
  expect(sameSites(running, wanted, ['photo.lan'])).toBe(true);
  expect(sameSites(running, wanted, ['git.lan'])).toBe(false);
});

it('a Caddyfile of the hub that is refused is named itself', async () => {
  const { refused, wanted } = await seen({ git: site('git', 'code') }, `${own()}nonsense {\n`);
  expect(wanted).toBeNull();
  expect(Object.keys(refused)).toEqual(['hub/Caddyfile']);
});

it('a hand on the running configuration is seen, whatever the files say', async () => {
  const snippets = { photo: site('photo', 'pictures') };
  await run({ snippet: snippets.photo });
  await load(own('changed by hand').replace(line, ''), { socket });
  const { running, wanted } = await seen(snippets);
  expect(sameSites(running, wanted, ['photo.lan'])).toBe(false);
  expect(sameHub(running, wanted, ['photo.lan'])).toBe(false);
});

it('one that goes is gone from the hub and from the folder', async () => {
  await run({ snippet: site('photo', 'pictures') });
  await run({ snippet: '' });
  expect(await answer('photo.lan')).toBe('');
  expect(existsSync(path.join(folder, 'photo.caddy'))).toBe(false);
  expect(sameSites((await seen()).running, null, ['photo.lan'])).toBe(true);
});

it('without an answer nothing is known, and nothing is written', async () => {
  const nowhere = { ...step({}), socket: at('none.sock'), snippet: site('photo', 'x') };
  await expect(hostExecutor({}).execute(nowhere, {})).rejects.toThrow(
    'Caddy is not running: there is no admin socket',
  );
  expect(readdirSync(folder)).toEqual([]);
  const found = await observeHub({ ...nowhere, own: 'hub/Caddyfile', snippets: {} }, {});
  expect(found).toEqual({ known: false, error: 'Caddy is not running: there is no admin socket' });
});

it('a folder that is not there is not made: its dataset may not be mounted', async () => {
  const nowhere = { ...step({}), folder: at('unmounted/routes'), snippet: site('photo', 'x') };
  await expect(hostExecutor({}).execute(nowhere, {})).rejects.toThrow(
    'cannot be read, so no route was loaded',
  );
  expect(existsSync(at('unmounted'))).toBe(false);
});

it.each([null, [], { apps: { http: { servers: { s: { routes: { a: 1 } } } } } }, 'nonsense'])(
  'nonsense (%j) is another configuration, and no crash',
  async (nonsense) => {
    const { wanted } = await seen({ photo: site('photo', 'pictures') });
    expect(sameSites(nonsense, wanted, ['photo.lan'])).toBe(false);
    expect(sameHub(nonsense, wanted, ['photo.lan'])).toBe(false);
  },
);
