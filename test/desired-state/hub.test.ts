import { describe, expect, test } from 'vitest';
import type { DesiredRoute } from '../../desired-state/types.ts';
import { caddyfile, files, hubWith, mounts, one } from './hub-folder.ts';
import { problemsOf, stateOf } from './lab-folder.ts';

async function routeOf(routes: string): Promise<DesiredRoute> {
  const { resources } = await stateOf(files(routes));
  const found = resources.find(({ id }) => id === 'caddy-route:photo');
  if (found?.kind !== 'caddy-route') throw new Error('no route');
  return found;
}

test('the hub is told by the socket and the folder that its Caddyfile and its mounts name', async () => {
  const { hub, notActedOn } = await stateOf(files(one));
  expect(hub).toEqual({
    ...{ service: 'hub', container: 'hub-caddy', stack: 'compose-stack:hub', caddyfile },
    ...{ socket: '/tank/services/hub/run/admin.sock', folder: '/tank/services/hub/routes' },
    line: 'import /etc/caddy/routes/*.caddy',
  });
  expect(notActedOn).toEqual([]);
});

test('a change of its Caddyfile does not make it anew, but for that of the socket on which it is told', async () => {
  const digestOf = async (text: string) => {
    const { resources } = await stateOf(files(one, { 'services/hub/Caddyfile': text }));
    const stack = resources.find(({ id }) => id === 'compose-stack:hub');
    return stack?.kind === 'compose-stack' ? stack.containers[0]?.filesDigest : null;
  };
  const before = await digestOf(caddyfile);
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(await digestOf(`${caddyfile}hub.lan {\n}\n`)).toBe(before);
  expect(await digestOf(caddyfile.replace('admin.sock', 'other.sock'))).not.toBe(before);
  expect(await digestOf('respond "it cannot be told"\n')).not.toBe(before);
});

test('a container of the hub that does not read the Caddyfile is not made anew for its socket', async () => {
  const other = `${hubWith(mounts)}  other: { image: "other:1", container_name: other }\n`;
  const { resources } = await stateOf(files(one, { 'services/hub/docker-compose.yml': other }));
  const stack = resources.find(({ id }) => id === 'compose-stack:hub');
  if (stack?.kind !== 'compose-stack') throw new Error('no stack');
  expect(stack.containers.map(({ name, filesDigest }) => [name, filesDigest !== null])).toEqual([
    ['caddy', true],
    ['other', false],
  ]);
});

test('a route is a site', async () => {
  expect(await routeOf(one)).toMatchObject({
    hosts: ['photo.homelab.lan'],
    shown: ['https://photo.homelab.lan → photo-server:2283'],
    needs: ['compose-stack:hub', 'compose-stack:photo'],
    origin: { file: 'services/photo/service.yaml', line: 3 },
    snippet: [
      '# Made by Steward out of services/photo/service.yaml: change it there.',
      'photo.homelab.lan {',
      '\ttls internal',
      '\treverse_proxy photo-server:2283',
      '}',
      '',
    ].join('\n'),
  });
});

const hash = `$2a$14$${'a'.repeat(53)}`;

test('everything that a route may say, in the order in which Caddy is to see it', async () => {
  const { snippet, shown } = await routeOf(`  - host: photo.example.org
    tls: acme
    to: "http://photo-server:80"
    headers: { X-Robots-Tag: 'say "noindex"', -Server: "" }
    requestHeaders: { X-From: "{remote_host}" }
    basicAuth: { ada: "${hash}" }
    caddy: |
      encode gzip
      @old path /old
      redir @old /new
  - { host: photo.example.org, tls: acme, path: /api, stripPath: true, to: "photo-server:81" }
  - { host: pictures, tls: "off", redirect: "https://photo.example.org" }
`);
  expect(snippet?.split('\n').slice(1)).toEqual([
    'photo.example.org {',
    '\t@path0 path /api /api/*',
    '\thandle @path0 {',
    '\t\turi strip_prefix /api',
    '\t\treverse_proxy photo-server:81',
    '\t}',
    '\thandle {',
    '\t\troute {',
    '\t\t\theader {',
    '\t\t\t\tX-Robots-Tag "say \\"noindex\\""',
    '\t\t\t}',
    '\t\t\theader {',
    '\t\t\t\tX-Robots-Tag "say \\"noindex\\""',
    '\t\t\t\t-Server',
    '\t\t\t\tdefer',
    '\t\t\t}',
    '\t\t\tbasicauth {',
    `\t\t\t\tada "${hash}"`,
    '\t\t\t}',
    '\t\t\thandle {',
    '\t\t\t\trequest_header X-From "{remote_host}"',
    '\t\t\t\tencode gzip',
    '\t\t\t\t@old path /old',
    '\t\t\t\tredir @old /new',
    '\t\t\t\treverse_proxy http://photo-server:80',
    '\t\t\t}',
    '\t\t}',
    '\t}',
    '}',
    'http://pictures.homelab.lan {',
    '\tredir https://photo.example.org{uri}',
    '}',
    '',
  ]);
  expect(shown).toEqual([
    'https://photo.example.org → http://photo-server:80',
    'https://photo.example.org/api → photo-server:81',
    'http://pictures.homelab.lan → https://photo.example.org',
  ]);
});

test('what is asked for, and what is an answer, may be said of a route', async () => {
  const { probes } = await routeOf(`  - host: photo
    to: "photo-server:80"
    probe: { path: /health?full=1, expect: [200, 401] }
  - { host: photo, path: /api, to: "photo-server:81" }
  - { host: "*.photo.lan", path: /x, probe: { path: /x/ping }, to: "photo-server:81" }
  - { host: closed, to: "photo-server:81", basicAuth: { ada: "${hash}" } }
  - { host: open, to: "photo-server:81", basicAuth: {} }
  - host: partly
    caddy: |
      basic_auth /s/* {
        ada ${hash}
      }
`);
  expect(probes).toEqual([
    { host: 'photo.homelab.lan', path: '/', tls: 'internal', asked: '/health?full=1', expect: [200, 401] },
    { host: 'photo.homelab.lan', path: '/api', tls: 'internal' },
    { host: 'steward-probe.photo.lan', path: '/x', tls: 'internal', asked: '/x/ping' },
    { host: 'closed.homelab.lan', path: '/', tls: 'internal', asksPassword: true },
    { host: 'open.homelab.lan', path: '/', tls: 'internal' },
    { host: 'partly.homelab.lan', path: '/', tls: 'internal', asksPassword: true },
  ]);
});

test('WebSockets may go on for a while where the Caddy knows it', async () => {
  const { snippet } = await routeOf('  - { host: photo, to: "photo-server:80", streamCloseDelay: 5m }\n');
  expect(snippet).toContain('\treverse_proxy photo-server:80 {\n\t\tstream_close_delay 5m\n\t}\n');
});

describe('a hub that cannot be told of routes', () => {
  test.each([
    ['no Caddyfile', { 'services/hub/Caddyfile': '' }, 'it has no admin socket'],
    [
      'no folder for the socket',
      { 'services/hub/docker-compose.yml': hubWith(mounts.slice(0, 2)) },
      '/run/caddy of hub-caddy is not on the host',
    ],
    [
      'no folder for routes',
      { 'services/hub/docker-compose.yml': hubWith([mounts[0] ?? '', mounts[2] ?? '']) },
      '/etc/caddy/routes of hub-caddy is not on the host',
    ],
  ])('for %s is a warning, and no route is made', async (_name, over, words) => {
    const { resources, warnings, notActedOn } = await stateOf(files(one, over));
    expect(resources.filter(({ kind }) => kind === 'caddy-route')).toEqual([]);
    expect(warnings.map(({ message }) => message)).toContain(`no route is made: ${words}`);
    expect(notActedOn.map(({ part }) => part)).toContain('routes');
  });

  const unwired = { 'services/hub/Caddyfile': caddyfile.replace(/import.*/, '') };

  test('although it has a socket to be told on is an error: the line for its routes was lost', async () => {
    expect(await problemsOf(files(one, unwired))).toContain(
      'services/hub/Caddyfile:1:1 error: no route is made: it takes no routes in => add the line `import /etc/caddy/routes/*.caddy`',
    );
  });

  test('is no matter where there are no routes, and what it lacks is known', async () => {
    const { hub, hubLacks, warnings } = await stateOf(
      files('', { ...unwired, 'services/photo/service.yaml': '' }),
    );
    expect([hub, warnings]).toEqual([null, []]);
    expect(hubLacks).toMatchObject({
      file: 'services/hub/Caddyfile',
      message: 'no route is made: it takes no routes in',
    });
    expect((await stateOf(files(one))).hubLacks).toBeNull();
  });
});
