import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { judgeDirectives } from '../../desired-state/hub/directives.ts';
import { snippetOf } from '../../desired-state/hub/snippet.ts';
import { type ServiceConfig, serviceSchema } from '../../desired-state/schema/service.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import { load, rootCertificate } from '../../tools/caddy/admin.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** Each kind of route as service.yaml has it, through the real Caddy, to a service that tells what it was asked. */

const service = createServer((asked, answer) => {
  answer.setHeader('X-Robots-Tag', 'of the service');
  answer.setHeader('Server', 'a service');
  answer.end(`${asked.method} ${asked.url} from ${asked.headers['x-from'] ?? 'nobody'}`);
});
service.on('upgrade', (_asked, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  socket.on('data', (said) => socket.write(`heard ${said}`));
  socket.on('error', () => {});
});

let hub: RealCaddy;
let ca: string;
let to: string;
/** Of `open sesame`, as quick as bcrypt gets. */
const hash = '$2b$04$GjnoT7ZADOI53O9rq12MFuFio0C2.qnHLZoOJuKp2KsjkRa7DRwme';

beforeAll(async () => {
  hub = await realCaddy();
  await hub.start();
  ca = await rootCertificate({ socket: hub.socket });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  to = `127.0.0.1:${(service.address() as { port: number }).port}`;
});
afterAll(async () => {
  service.closeAllConnections();
  service.close();
  await hub.remove();
});

function caddyfile(): string {
  const ports = `\thttp_port ${hub.port}\n\thttps_port ${hub.port + 1}\n\tskip_install_trust\n`;
  return `{\n\tadmin unix/${hub.socket}\n${ports}}\n${hub.line}\n`;
}

type Written = Partial<ServiceConfig['routes'][number]>;

/** As a service.yaml with these routes says. */
async function routes(...written: Written[]): Promise<void> {
  const { routes: read } = serviceSchema.parse({ routes: written });
  const dialled = (upstream: string) => (upstream === to ? to : null);
  const sites = read.map((route) => {
    const { lines, flaws } = judgeDirectives(route.caddy ?? '', { permitted: [], dialled });
    expect(flaws).toEqual([]);
    return { host: `${route.host}.lan`, route, upstream: null, directives: lines };
  });
  const { socket, folder, line } = hub;
  const step = { op: 'caddy-load', socket, folder, line, caddyfile: caddyfile(), name: 'photo' } as const;
  await hostExecutor({}).execute({ ...step, snippet: snippetOf('photo', sites) }, {});
}

interface Asked {
  path?: string;
  headers?: Record<string, string>;
  plain?: boolean;
}

async function ask(host: string, { path = '/', headers = {}, plain = false }: Asked = {}) {
  const shared = {
    host: '127.0.0.1',
    path,
    agent: false as const,
    headers: { Host: `${host}.lan`, ...headers },
  };
  const asked = plain
    ? httpRequest({ ...shared, port: hub.port })
    : httpsRequest({ ...shared, port: hub.port + 1, servername: `${host}.lan`, ca });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

/** A name that is new gets its certificate beside. */
const answered = (host: string, asked: Asked = {}) => vi.waitFor(() => ask(host, asked), 10_000);

it('a host answers over TLS with a certificate of the internal authority, and sends HTTP on', async () => {
  await routes({ host: 'photo', to });
  expect(await answered('photo', { path: '/a?b' })).toMatchObject({
    status: 200,
    body: 'GET /a?b from nobody',
  });
  expect(await ask('photo', { plain: true, path: '/a' })).toMatchObject({
    status: 308,
    headers: { location: 'https://photo.lan/a' },
  });
});

it('one without TLS answers over HTTP, beside one with it', async () => {
  await routes({ host: 'plain', to, tls: 'off' }, { host: 'photo', to });
  expect((await ask('plain', { plain: true })).body).toBe('GET / from nobody');
  expect((await answered('photo')).status).toBe(200);
});

it('a path is what is at it and below, and may be taken off', async () => {
  const asIs = { host: 'photo', path: '/api', to };
  await routes(
    asIs,
    { host: 'photo', path: '/cut', stripPath: true, to },
    { host: 'photo', caddy: 'respond "rest"' },
  );
  expect((await answered('photo', { path: '/api' })).body).toBe('GET /api from nobody');
  expect((await ask('photo', { path: '/api/x' })).body).toBe('GET /api/x from nobody');
  expect((await ask('photo', { path: '/apis' })).body).toBe('rest');
  expect((await ask('photo', { path: '/cut/x' })).body).toBe('GET /x from nobody');
  expect((await ask('photo', { path: '/' })).body).toBe('rest');
});

it('a redirect keeps the path', async () => {
  await routes({ host: 'old', redirect: 'https://photo.lan/album' });
  expect(await answered('old', { path: '/x?y=1' })).toMatchObject({
    status: 302,
    headers: { location: 'https://photo.lan/album/x?y=1' },
  });
});

it('headers are set in the place of those of the service, and removed; the service gets its own', async () => {
  await routes({
    ...{ host: 'photo', to },
    headers: { 'X-Robots-Tag': 'of the "hub"', '-Server': '', 'X-New': '{host}' },
    requestHeaders: { 'X-From': '{method} {path}' },
  });
  const { headers, body } = await answered('photo', { path: '/p' });
  expect(headers).toMatchObject({ 'x-robots-tag': 'of the "hub"', 'x-new': 'photo.lan' });
  expect(headers.server).toBeUndefined();
  expect(body).toBe('GET /p from GET /p');
});

describe('with users', () => {
  const authorization = `Basic ${Buffer.from('ada:open sesame').toString('base64')}`;
  const wrong = `Basic ${Buffer.from('ada:guess').toString('base64')}`;

  it.each([
    ['the service', () => ({ to }), 200],
    ['a redirect', () => ({ redirect: 'https://photo.lan' }), 302],
    ['an answer of its directives', () => ({ caddy: 'respond hello' }), 200],
    ['a redirect of its directives', () => ({ caddy: 'redir * /new', to }), 302],
    ['a path', () => ({ path: '/p', stripPath: true, to }), 200],
  ])('%s is there for them alone, and headers for all', async (_name, over, status) => {
    await routes({ host: 'photo', basicAuth: { ada: hash }, headers: { 'X-New': 'yes' }, ...over() });
    const path = '/p/x';
    const stranger = await answered('photo', { path });
    expect(stranger).toMatchObject({ status: 401, headers: { 'x-new': 'yes' }, body: '' });
    expect(stranger.headers.location).toBeUndefined();
    expect((await ask('photo', { path, headers: { authorization: wrong } })).status).toBe(401);
    expect((await ask('photo', { path, headers: { authorization } })).status).toBe(status);
  });
});

it('the hash that Caddy prints is one', () => {
  const printed = execFileSync('caddy', ['hash-password', '--plaintext', 'x'], { encoding: 'utf8' }).trim();
  const route = { host: 'photo', to: 'web:80', basicAuth: { ada: printed } };
  expect(serviceSchema.safeParse({ routes: [route] }).success).toBe(true);
  expect(
    judgeDirectives(`basicauth {\nada ${printed}\n}`, { permitted: [], dialled: () => null }).flaws,
  ).toEqual([]);
});

it('directives are sorted as Caddy does it, and lead to the service', async () => {
  const lines = [
    'respond /gone "no more" 410',
    'rewrite /old /new',
    `reverse_proxy ${to} {`,
    'header_up X-From raw',
    '}',
  ];
  await routes({ host: 'photo', caddy: lines.join('\n') });
  expect((await answered('photo', { path: '/old' })).body).toBe('GET /new from raw');
  expect(await ask('photo', { path: '/gone' })).toMatchObject({ status: 410, body: 'no more' });
});

describe('a WebSocket', () => {
  /** Caddy 2.6 takes note of one only after its 101 is out (streaming.go): first with an answer it is one to end. */
  async function upgraded() {
    const socket = tlsConnect({ host: '127.0.0.1', port: hub.port + 1, servername: 'photo.lan', ca });
    await once(socket, 'secureConnect');
    const lines = ['GET /ws HTTP/1.1', 'Host: photo.lan', 'Connection: Upgrade', 'Upgrade: websocket'];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    expect(String(await once(socket, 'data'))).toContain('101 Switching Protocols');
    socket.write('hello');
    expect(String(await once(socket, 'data'))).toBe('heard hello');
    return socket;
  }

  it('goes through', async () => {
    await routes({ host: 'photo', to });
    await answered('photo');
    (await upgraded()).destroy();
  });

  it('ends when this Caddy is told something new, and comes again', async () => {
    await routes({ host: 'photo', to });
    await answered('photo');
    const socket = await upgraded();
    const ended = once(socket, 'close');
    socket.on('error', () => {});
    socket.resume();
    await load(`${caddyfile()}http://more.lan {\n}\n`, { socket: hub.socket });
    await ended;
    (await upgraded()).destroy();
  });

  it('may go on for a while only where the Caddy knows how, and this one says that it does not', async () => {
    await expect(routes({ host: 'photo', to, streamCloseDelay: '5m' })).rejects.toThrow(
      /unrecognized subdirective stream_close_delay/,
    );
  });
});
