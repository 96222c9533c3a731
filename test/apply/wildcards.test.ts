import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { judgeDirectives } from '../../desired-state/hub/directives.ts';
import { snippetOf } from '../../desired-state/hub/snippet.ts';
import { serviceSchema } from '../../desired-state/schema/service.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { load } from '../../tools/caddy/admin.ts';
import { composeCaddyfile } from '../../tools/caddy/compose.ts';
import { files } from '../desired-state/hub-folder.ts';
import { problemsOf } from '../desired-state/lab-folder.ts';
import { freePort, type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/**
 * A wildcard stands for hosts of others, too. Caddy asks the site of the whole name first, but only among those at the
 * same port: each row says whether the real Caddy lets the wildcard answer for that host, and so whether it is refused.
 */

let hub: RealCaddy;
let https = 0;
let other = 0;
beforeAll(async () => {
  hub = await realCaddy();
  https = await freePort();
  other = await freePort();
  await hub.start();
});
beforeEach(() => hub.reset());
afterAll(() => hub.remove());

/** What is to have a certificate by ACME asks for it where nobody gives one. */
function withSites(sites: string): string {
  const ports = `\thttp_port ${hub.port}\n\thttps_port ${https}\n`;
  const options = `\tadmin unix/${hub.socket}\n${ports}\tskip_install_trust\n\tacme_ca https://127.0.0.1:1/\n`;
  const placed = sites.replaceAll(':HTTP', `:${hub.port}`).replaceAll(':OTHER', `:${other}`);
  return `{\n${options}}\n${hub.line}\n${placed}\n`;
}

async function ask(url: string): Promise<string> {
  const { protocol, hostname, pathname } = new URL(url);
  // As it is written: a name of other letters is one that nobody sends.
  const host = /\/\/([^/]+)/.exec(url)?.[1] ?? hostname;
  const shared = { host: '127.0.0.1', path: pathname, agent: false as const, headers: { Host: host } };
  const asked =
    protocol === 'http:'
      ? httpRequest({ ...shared, port: hub.port })
      : httpsRequest({ ...shared, port: https, servername: host, rejectUnauthorized: false });
  asked.end();
  const answer = once(asked, 'response') as Promise<[IncomingMessage]>;
  return answer.then(
    ([response]) => text(response),
    () => 'nothing',
  );
}

const everywhere = (host: string) =>
  Promise.all(
    ['http', 'https'].flatMap((scheme) => ['/', '/x'].map((at) => ask(`${scheme}://${host}${at}`))),
  );

/** With these texts of services; every certificate that there will be is there by then. */
async function takes(caddyfile: string, snippets: string[], host: string, wildcard: string | null) {
  await load(composeCaddyfile(caddyfile, hub.line, snippets), { socket: hub.socket });
  const limit = { timeout: 10_000 };
  if (wildcard !== null) await vi.waitFor(async () => expect(await ask(wildcard)).toBe('wild'), limit);
  await vi.waitFor(async () => expect((await everywhere(host)).join()).toMatch(/own|wild/), limit);
  return (await everywhere(host)).includes('wild');
}

const internal = (address: string, more = '') => `${address} {\n\ttls internal\n\trespond "own"${more}\n}`;
const plain = (address: string) => `${address} {\n\trespond "own"\n}`;
const inMatcher = '@a host a.lan\n\thandle @a {\n\t\trespond "own"\n\t}';
const wild = {
  https: '*.lan {\n\ttls internal\n\trespond "wild"\n}\n',
  http: 'http://*.lan {\n\trespond "wild"\n}\n',
  acme: '*.lan {\n\trespond "wild"\n}\n',
};

describe("beside the hub's own", () => {
  it.each<[taken: boolean, own: string, by: keyof typeof wild, host?: string]>([
    [true, internal('a.lan'), 'http'],
    [false, internal('a.lan'), 'https'],
    [false, internal('a.lan'), 'acme'],
    [false, internal('A.LAN'), 'https'],
    [false, plain('a.lan'), 'https'],
    [false, plain('http://a.lan'), 'http'],
    [true, plain('http://a.lan'), 'https'],
    [false, internal('a.lan, http://a.lan:HTTP, *.b.lan'), 'http'],
    [false, internal('a.lan, http://a.lan:HTTP, *.b.lan'), 'https'],
    [true, internal('a.lan/x*'), 'https'],
    [false, `${internal('a.lan/x*')}\n${internal('a.lan')}`, 'https'],
    [true, plain('http://a.lan:OTHER'), 'http'],
    [true, plain('http://a.lan:OTHER'), 'https'],
    [true, `http://:HTTP {\n\t${inMatcher}\n}`, 'http'],
    [true, `http://:HTTP {\n\t${inMatcher}\n}`, 'https'],
    [true, internal('a.lan.'), 'https'],
    [false, internal('b.a.lan'), 'http', 'b.a.lan'],
    [false, plain('http://a.*.lan'), 'http', 'a.b.lan'],
    [true, internal('bücher.lan'), 'https', 'xn--bcher-kva.lan'],
    [false, internal('xn--bcher-kva.lan'), 'https', 'xn--bcher-kva.lan'],
  ])('%s: %j beside one by %s', async (taken, own, by, host = 'a.lan') => {
    const caddyfile = withSites(own);
    const z = by === 'acme' || host === 'a.b.lan' ? null : `${by}://z.lan/`;
    expect(await takes(caddyfile, [wild[by]], host, z)).toBe(taken);
    const { stray, refused } = await hub.seen({ wild: wild[by] }, { caddyfile });
    expect(refused).toEqual(new Map());
    expect([...(stray?.values() ?? [])]).toEqual(
      taken ? [`*.lan would answer for ${host}, which is a host of the Caddyfile of the hub`] : [],
    );
  });

  it('a hub that nobody could look at before is not told of it either', async () => {
    const { socket, folder, line } = hub;
    const caddyfile = withSites(internal('a.lan'));
    const step = { op: 'caddy-load', socket, folder, line, caddyfile, name: 'wild' } as const;
    const run = (snippet: string) => hostExecutor({}).execute({ ...step, snippet }, {});
    await expect(run(wild.http)).rejects.toThrow(
      'the routes of wild were not loaded: *.lan would answer for a.lan, which is a host of the Caddyfile of the hub',
    );
    await run(wild.https);
  });
});

describe('beside those of another service', () => {
  const a = (over = '') => `{ host: a.lan, caddy: 'respond "own"'${over} }`;
  const all = (over = '', host = '*.lan') => `{ host: "${host}", caddy: 'respond "wild"'${over} }`;
  const off = ', tls: "off"';

  /** As a service.yaml with these routes says. */
  function snippet(name: string, routes: string): string {
    const read = serviceSchema.parse({ routes: parse(`[${routes}]`) }).routes;
    const trust = { permitted: [], dialled: () => null };
    const sites = read.map((route) => {
      const directives = judgeDirectives(route.caddy ?? '', trust).lines;
      return { host: route.host, route, upstream: null, directives };
    });
    return snippetOf(name, sites);
  }

  it.each<[taken: boolean, photo: string, wild: string]>([
    [true, a(), all(off)],
    [false, a(), all()],
    [false, a(off), all(off)],
    [true, a(off), all()],
    [false, `${a(`${off}, path: /x`)}, ${a()}`, all()],
    [false, `${a(`${off}, path: /x`)}, ${a()}`, all(off)],
    [false, a(', path: /x'), all()],
    [false, a(`${off}, path: /x`), all(off)],
    [true, a(), all(`${off}, path: /x`)],
    [true, `${a(', path: /x')}, { host: a.lan, redirect: "https://b.lan" }`, all(off)],
    [false, a().replace('a.lan', 'b.a.lan'), all(off)],
    [true, a(), `${all(`${off}, path: /x`)}, ${all()}`],
    [false, `${a()}, ${a(`${off}, path: /x`)}`, `${all(`${off}, path: /x`)}, ${all()}`],
  ])('%s: %s beside %s', async (taken, photo, others) => {
    const texts = [snippet('photo', photo), snippet('wild', others)];
    const host = photo.includes('b.a.lan') ? 'b.a.lan' : 'a.lan';
    const z = `${others.includes('off') ? 'http' : 'https'}://z.lan/x`;
    expect(await takes(withSites(''), texts, host, z)).toBe(taken);
    const told = await problemsOf(
      files(`  [${photo}]\n`, {
        'services/wild/docker-compose.yml': 'services: { web: { image: x } }\n',
        'services/wild/service.yaml': `routes: [${others}]\n`,
      }),
    );
    expect(told).toEqual(taken ? [expect.stringContaining(', and that host is of photo at ')] : []);
  });

  it('what a service has besides its own wildcard is its own', async () => {
    expect(await problemsOf(files(`  [${a()}, ${all(off)}]\n`))).toEqual([]);
  });
});
