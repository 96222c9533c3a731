import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { CaddyLoad } from '../../reconciler/types.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/**
 * What the hub answers by its own Caddyfile is no service's, also where Caddy itself has room for both: HTTP beside HTTPS,
 * or one host out of a wildcard.
 */

let hub: RealCaddy;
beforeAll(async () => {
  hub = await realCaddy();
  await hub.start();
});
beforeEach(() => hub.reset());
afterAll(() => hub.remove());

/** Sites of the hub at another port than those of services, as HTTPS is. */
const withSites = (text: string) => `${hub.own()}\n${text.replaceAll('PORT', String(hub.port + 1))}\n`;
const hello = () => withSites('http://hello.lan:PORT {\n\trespond "by hand"\n}');
const words = 'hello.lan is a host of the Caddyfile of the hub';

async function strayOf(caddyfile: string, ...names: string[]) {
  const snippets = Object.fromEntries(names.map((name) => [name, hub.site(name, name)]));
  const { stray, refused } = await hub.seen(snippets, { caddyfile });
  expect(refused).toEqual(new Map());
  return stray ?? new Map();
}

describe('a host of the hub is refused to a service', () => {
  it('at another port', async () => {
    expect(await strayOf(hello(), 'hello', 'photo')).toEqual(new Map([['hello', words]]));
  });

  it.each([
    ['in a matcher', 'http://*.lan:PORT {\n\t@a host Hello.LAN\n\thandle @a {\n\t\trespond x\n\t}\n}'],
    ['by a variable', 'http://{$NOT_SET_ANYWHERE:hello.lan}:PORT {\n\trespond x\n}'],
    ['with a dot at its end', 'http://hello.lan.:PORT {\n\trespond x\n}'],
    [
      'put together out of an argument',
      '(site) {\n\thttp://{args.0}.lan:PORT {\n\t\trespond x\n\t}\n}\nimport site hello',
    ],
    [
      'by a snippet of its own',
      '(mine) {\n\t@a host hello.lan\n\trespond @a x\n}\nhttp://*.lan:PORT {\n\timport mine\n}',
    ],
  ])('%s', async (_name, sites) => {
    expect([...(await strayOf(withSites(sites), 'hello', 'photo')).keys()]).toEqual(['hello']);
  });

  it('in a file that it imports', async () => {
    const file = path.join(hub.home, 'more.conf');
    writeFileSync(file, `http://hello.lan:${hub.port + 1} {\n\trespond x\n}\n`);
    expect([...(await strayOf(`${hub.own()}\nimport ${file}\n`, 'hello', 'photo')).keys()]).toEqual([
      'hello',
    ]);
  });

  it('in letters that a browser sends as others', async () => {
    const sites = withSites('http://bücher.lan:PORT {\n\trespond x\n}');
    expect([...(await strayOf(sites, 'xn--bcher-kva', 'photo')).keys()]).toEqual(['xn--bcher-kva']);
  });

  it.each([
    ['a comment', '# hello.lan is elsewhere'],
    ['a longer name', 'http://say.hello.lan:PORT {\n\trespond x\n}'],
    ['a wildcard', 'http://*.lan:PORT {\n\trespond "no such service, as hello.lan"\n}'],
    ['what it is not', 'http://*.lan:PORT {\n\t@b not host hello.lan\n\trespond @b x\n}'],
  ])('but not for %s', async (_name, sites) => {
    expect(await strayOf(withSites(sites), 'hello')).toEqual(new Map());
  });
});

describe('a hub that nobody could look at before', () => {
  const run = (over: Partial<CaddyLoad>) => {
    const { socket, folder, line } = hub;
    const step = {
      op: 'caddy-load' as const,
      socket,
      folder,
      caddyfile: hello(),
      line,
      name: 'hello',
      snippet: null,
    };
    return hostExecutor({}).execute({ ...step, ...over }, {});
  };

  it('is not told of it either, and others come', async () => {
    const [one, other] = await Promise.allSettled([
      run({ snippet: hub.site('hello', 'not mine') }),
      run({ name: 'photo', snippet: hub.site('photo', 'pictures') }),
    ]);
    expect(one).toMatchObject({ reason: { message: `the routes of hello were not loaded: ${words}` } });
    expect(other.status).toBe('fulfilled');
    expect(await hub.answer('photo.lan')).toBe('pictures');
    expect(await hub.answer('hello.lan')).toBe('');
    expect(existsSync(path.join(hub.folder, 'hello.caddy'))).toBe(false);
  });
});
