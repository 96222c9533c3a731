import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { judgeDirectives } from '../../desired-state/hub/directives.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { CaddyLoad } from '../../reconciler/types.ts';
import { adapt } from '../../tools/caddy/admin.ts';
import { outOfBounds } from '../../tools/caddy/bounds.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** The second wall: what the real Caddy makes of directives, whoever has let them through. */

let hub: RealCaddy;
beforeAll(async () => {
  hub = await realCaddy();
  await hub.start();
});
beforeEach(() => hub.reset());
afterAll(() => hub.remove());

const bounds = { hosts: ['photo.lan'], upstreams: ['web.photo_net:80'] };
const siteOf = (text: string) => `photo.lan {\n\ttls internal\n${text}\n}\n`;

async function found(text: string): Promise<string | null> {
  return outOfBounds(await adapt(text, { socket: hub.socket }), bounds);
}

const trust = { permitted: [], dialled: (to: string) => (to === 'web:80' ? 'web.photo_net:80' : null) };

const harmless = [
  'encode gzip {\n minimum_length 1\n}',
  'respond /a "it is \\"down\\"" 503',
  'respond `{"ok": true}`',
  '@old path_regexp `^/a\\.html$`\nredir @old /b{query}',
  'rewrite /a /b?{query}&x=1',
  'uri strip_prefix /x',
  'method /a GET',
  'error /gone 410',
  'abort /bad',
  'header {\n -Server\n X-A {remote_host}\n +X-B c\n defer\n}',
  'request_header -Cookie',
  'request_body {\n max_size 10MB\n}',
  'route /r/* {\n respond r\n}',
  'handle_path /h/* {\n respond {path}\n}',
  '@m {\n method GET POST\n header X y\n header_regexp Y z\n query a=b\n protocol https\n remote_ip 10.0.0.0/8\n not path /x\n host photo.lan\n}\nrespond @m x',
  `basicauth /s/* {\n ada $2a$14$${'a'.repeat(53)}\n}`,
  'reverse_proxy /api/* web:80 {\n lb_policy first\n health_uri /h\n health_headers {\n X y\n }\n header_up X {host}\n header_down -Y\n flush_interval -1\n transport http {\n dial_timeout 2s\n }\n}',
];

it.each(harmless)('%j is taken by Caddy, and stays within', async (text) => {
  const { lines, flaws } = judgeDirectives(text, trust);
  expect(flaws).toEqual([]);
  expect(await found(siteOf(lines.join('\n')))).toBeNull();
});

describe('out of bounds is', () => {
  it.each([
    [
      'a site of somebody else',
      `${siteOf('respond x')}evil.lan {\n}\n`,
      'it is for evil.lan, which is no host',
    ],
    ['a site for all', ':443 {\n\ttls internal\n\trespond x\n}\n', 'it is for every host'],
    ['an option of the hub', `{\n\tadmin off\n}\n${siteOf('respond x')}`, 'it sets admin of the hub'],
    ['a storage', `{\n\tstorage file_system /x\n}\n${siteOf('respond x')}`, 'it sets storage of the hub'],
    ['an upstream', siteOf('reverse_proxy db:5432'), 'it leads to db:5432, which is not of this service'],
    ['one deep inside', siteOf('handle /a {\nroute {\nreverse_proxy db:1\n}\n}'), 'it leads to db:1'],
    ['one of two', siteOf('reverse_proxy web.photo_net:80 db:1'), 'it leads to db:1'],
    ['its socket', siteOf('reverse_proxy unix//run/x'), 'it leads to unix//run/x'],
    [
      'somebody who is asked',
      siteOf('forward_auth web.photo_net:80 {\nuri /a\n}'),
      'it sets handle_response',
    ],
    ['files', siteOf('file_server'), 'it has the handler file_server'],
    ['a root', siteOf('root * /data'), 'it has the handler vars'],
    ['templates', siteOf('templates'), 'it has the handler templates'],
    ['an expression', siteOf("@a expression `path('/x')`\nrespond @a x"), 'it matches by expression'],
    ['a file that is there', siteOf('@a file /x\nrespond @a x'), 'it matches by file'],
    ['the environment', siteOf('respond {env.HOME}'), "it names the hub's own environment"],
    ['FastCGI', siteOf('reverse_proxy web.photo_net:80 {\ntransport fastcgi\n}'), 'it speaks fastcgi'],
    ['an address to listen at', siteOf('bind 127.0.0.1\nrespond x'), 'it listens at 127.0.0.1:443'],
    ['its authority', siteOf('acme_server'), 'it has the handler acme_server'],
    ['a log', siteOf('log {\noutput file /x\n}\nrespond x'), 'it sets logging of the hub'],
    ['upstreams by DNS', siteOf('reverse_proxy {\ndynamic a db 80\n}'), 'it sets dynamic_upstreams'],
  ])('%s', async (_name, text, words) => {
    expect(await found(text)).toContain(words);
  });
});

/** Whatever a person writes out of what is dangerous and what is not: the first wall holds by itself. */
const words = fc.constantFrom(
  ...[
    '{',
    '}',
    '\n',
    '\n',
    '"',
    '`',
    '\\',
    '#',
    '<<E',
    'E',
    ' ',
    ' ',
    '\t',
    '\r',
    '\u0085',
    '{}',
    '"{"',
    '`}`',
  ],
  ...[
    'import',
    'respond',
    'file_server',
    'reverse_proxy',
    'web:80',
    'db:80',
    'unix//run/x',
    'handle',
    'route',
  ],
  ...[
    '@a',
    'path',
    'not',
    'file',
    'expression',
    '/a',
    '*',
    'x',
    '{env.HOME}',
    '{$HOME}',
    '{file.x}',
    '{host',
  ],
  ...[
    'evil.lan',
    'header',
    'X',
    'templates',
    'root',
    'to',
    'transport',
    'http',
    'vars',
    'env.HOME}',
    '"a"',
    '`b`',
  ],
  ...[
    '\nrespond x',
    '\nhandle {\n',
    '\n}\n',
    ' {\n',
    '\nreverse_proxy web:80',
    '\nimport x',
    '\n}\nevil.lan {\n',
  ],
);

it('what the first wall lets through, Caddy refuses or keeps within', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 14 }), async (parts) => {
      const { lines, flaws } = judgeDirectives(parts.join(''), trust);
      if (flaws.length > 0) return;
      const config = await adapt(siteOf(lines.join('\n')), { socket: hub.socket }).catch(() => null);
      if (config === null) return;
      taken += lines.length > 0 ? 1 : 0;
      expect(outOfBounds(config, bounds)).toBeNull();
    }),
    { numRuns: 3000, seed: 7 },
  );
  expect(taken).toBeGreaterThan(20);
});

describe('where lab.yaml permits a directive', () => {
  const permitted = { hosts: ['photo.lan'], upstreams: null };
  const asked = async (text: string) => outOfBounds(await adapt(text, { socket: hub.socket }), permitted);
  const forward = 'forward_auth auth:9091 {\n uri /api\n}\nfile_server\nlog';

  it('what it does is not judged', async () => {
    expect(await found(siteOf(forward))).not.toBeNull();
    expect(await asked(siteOf(forward))).toBeNull();
  });

  it('a site of somebody else is, and a certificate for one', async () => {
    expect(await asked(`${siteOf(forward)}evil.lan {\n respond x\n}\n`)).toBe(
      'it is for evil.lan, which is no host of this service',
    );
    expect(await asked(`${siteOf('')}:80 {\n respond x\n}\n`)).toBe('it is for every host');
    const policies = [{ subjects: ['evil.lan'] }];
    expect(outOfBounds({ apps: { tls: { automation: { policies } } } }, permitted)).toBe(
      'it wants a certificate for evil.lan, which is no host of this service',
    );
  });
});

describe('a route that goes too far', () => {
  const local = { hosts: ['photo.lan'], upstreams: ['127.0.0.1:1'] };
  const far = () => `http://photo.lan:${hub.port} {\n\treverse_proxy 127.0.0.1:2\n}\n`;

  it('is told of by who looks, and others are none of it', async () => {
    const snippets = { photo: far(), git: hub.site('git', 'code') };
    const seen = await hub.seen(snippets, { bounds: new Map([['photo', local]]) });
    expect(seen.stray).toEqual(
      new Map([
        ['photo', 'its directives go too far: it leads to 127.0.0.1:2, which is not of this service'],
      ]),
    );
    expect([...seen.refused]).toEqual([]);
  });

  it('is not loaded, also where nobody has looked; those that come with it are', async () => {
    const { socket, folder, line } = hub;
    const step = (name: string, snippet: string, over: Partial<CaddyLoad> = {}): CaddyLoad => ({
      ...{ op: 'caddy-load', socket, folder, caddyfile: hub.own(), line, name, snippet },
      ...over,
    });
    const steps = [
      step('a', hub.site('a', 'first')),
      step('photo', far(), { bounds: local }),
      step('git', hub.site('git', 'code'), { bounds: { hosts: ['git.lan'], upstreams: [] } }),
    ];
    const run = (each: CaddyLoad) => hostExecutor({}).execute(each, {});
    const results = await Promise.allSettled(steps.map(run));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason.message).toBe(
      'the routes of photo were not loaded: their directives go too far: it leads to 127.0.0.1:2, which is not of this service',
    );
    expect(readdirSync(hub.folder).sort()).toEqual(['a.caddy', 'git.caddy']);
  });
});
