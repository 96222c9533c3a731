import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Site, snippetOf } from '../../desired-state/hub/snippet.ts';
import { probeRoutes } from '../../observers/probe.ts';
import type { ProbeTarget } from '../../observers/types.ts';
import { rootCertificate, runningConfig } from '../../tools/caddy/admin.ts';
import { probe as probeOne } from '../../tools/caddy/probe.ts';
import { fakeDockerApi } from '../support/fake-docker-api.ts';

/** The real Caddy of this machine with its internal CA; Docker only says at which ports it is. */

const home = mkdtempSync(path.join(tmpdir(), 'hub-'));
const socket = path.join(home, 'admin.sock');
const service = createServer((request, response) => {
  if (request.url === '/slow') return;
  response.writeHead(request.url === '/secret' ? 401 : 200, { 'X-Host': request.headers.host }).end('hello');
});
let caddy: ReturnType<typeof spawn>;
let ports: { https: number; http: number; free: number };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const caddyfile = (upstream: number) => `{
	admin unix/${socket}
	http_port ${ports.http}
	https_port ${ports.https}
	skip_install_trust
}
photo.lan {
	tls internal
	reverse_proxy 127.0.0.1:${upstream}
}
dead.lan {
	tls internal
	reverse_proxy 127.0.0.1:${ports.free}
}
http://old.lan {
	reverse_proxy 127.0.0.1:${upstream}
}
${snippetOf('closed', [closedSite])}`;

/** As its service.yaml says it; nobody listens behind it. */
const closedSite: Site = {
  ...{ host: 'closed.lan', upstream: null, directives: [] },
  route: {
    ...{ host: 'closed.lan', to: '127.0.0.1:1', tls: 'off' },
    basicAuth: { ada: `$2a$14$${'a'.repeat(53)}` },
  },
};

beforeAll(async () => {
  ports = { https: await freePort(), http: await freePort(), free: await freePort() };
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  writeFileSync(path.join(home, 'Caddyfile'), caddyfile((service.address() as { port: number }).port));
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  const args = ['run', '--config', path.join(home, 'Caddyfile'), '--adapter', 'caddyfile'];
  caddy = spawn('caddy', args, { env, stdio: 'ignore' });
  await vi.waitFor(() => runningConfig({ socket }), { timeout: 10_000 });
  // Its certificates are made beside: the first handshakes may find none.
  await vi.waitFor(
    async () => expect(await probe({ host: 'dead.lan' })).toMatchObject({ status: 502 }),
    10_000,
  );
});

afterAll(async () => {
  const ended = once(caddy, 'exit');
  caddy.kill('SIGKILL');
  await ended;
  service.closeAllConnections();
  service.close();
  rmSync(home, { recursive: true, force: true });
});

async function probe(
  over: Partial<ProbeTarget>,
  options: { https?: number; timeoutMs?: number; socket?: string } = {},
) {
  const bindings = {
    '443/tcp': [{ HostIp: '0.0.0.0', HostPort: String(options.https ?? ports.https) }],
    '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(ports.http) }],
    '2019/tcp': null,
  };
  const docker = await fakeDockerApi(() => ({
    body: { NetworkSettings: { Ports: bindings, Networks: {} } },
  }));
  const target: ProbeTarget = { host: 'photo.lan', path: '/', tls: 'internal', ...over };
  const request = { container: 'hub', socket: options.socket ?? socket, targets: [target] };
  const { timeoutMs = 5_000 } = options;
  const [answer] = await probeRoutes(request, { socketPath: docker.socketPath, timeoutMs });
  return answer;
}

it('asks by the name of the route, trusts the internal CA, and tells status, time and the end of the certificate', async () => {
  const answer = await probe({});
  expect(answer).toMatchObject({ status: 200, error: null });
  expect(answer?.latencyMs).toBeGreaterThanOrEqual(0);
  expect(answer?.certificateBeginsMs).toBeLessThan(Date.now());
  const hoursLeft = ((answer?.certificateEndsMs ?? 0) - Date.now()) / 3_600_000;
  expect(hoursLeft).toBeGreaterThan(1);
  expect(hoursLeft).toBeLessThan(24);
});

it.each<[string, Partial<ProbeTarget>, number]>([
  ['a refusal of the service is an answer', { path: '/secret' }, 401],
  ['one that is expected is an answer', { path: '/secret', expect: [200, 401] }, 401],
  ['another path may be asked for', { path: '/secret', asked: '/health' }, 200],
  ['what the hub says itself may be expected', { host: 'dead.lan', expect: [502] }, 502],
  ['a route without TLS is asked at the other port', { host: 'old.lan', tls: 'off' }, 200],
])('%s', async (_name, target, status) => {
  const answer = await probe(target);
  expect(answer).toMatchObject({ status, error: null });
  expect(answer).not.toHaveProperty('unproven');
});

it('the password that the hub itself asks for says nothing of the service behind it', async () => {
  const closed = { host: 'closed.lan', tls: 'off' as const, asksPassword: true as const };
  const unproven = 'the hub asks for a password first: whether the service answers is not known';
  for (const over of [{}, { expect: [401] }])
    expect(await probe({ ...closed, ...over })).toMatchObject({ status: 401, error: null, unproven });
  expect(await probe({ ...closed, expect: [200] })).toMatchObject({
    error: 'it answers 401, and 200 is expected',
  });
  const open = await probe({ host: 'dead.lan', asksPassword: true });
  expect(open?.error).toMatch(/it does not reach the service/);
});

it.each<[string, Partial<ProbeTarget>, Parameters<typeof probe>[1], RegExp]>([
  [
    'a service that is not reached',
    { host: 'dead.lan' },
    {},
    /^the hub answers 502: it does not reach the service$/,
  ],
  [
    'a name that the hub does not know',
    { host: 'nobody.lan' },
    {},
    /^the hub has no certificate for this name yet$/,
  ],
  [
    'one whose certificate comes from the internal CA and should not',
    { tls: 'acme' },
    {},
    /^its certificate is not trusted: /,
  ],
  [
    'an answer that is not expected',
    { path: '/secret', expect: [200, 204] },
    {},
    /^it answers 401, and 200 or 204 is expected$/,
  ],
  [
    'a service that is not reached, whatever is expected of it',
    { host: 'dead.lan', expect: [200] },
    {},
    /^the hub answers 502: it does not reach the service$/,
  ],
  [
    'one that keeps silent',
    { path: '/slow' },
    { timeoutMs: 300 },
    /^no answer from the hub at 127\.0\.0\.1:\d+ in time$/,
  ],
  [
    'a hub whose CA cannot be asked for',
    {},
    { socket: '/nowhere' },
    /^its internal CA is not known: Caddy is not running/,
  ],
])('%s is told in a sentence', async (_name, target, options, sentence) => {
  expect((await probe(target, options))?.error).toMatch(sentence);
});

it('a certificate that has expired is told as that', async () => {
  const files = ['key', 'pem'].map((name) => path.join(home, `expired.${name}`));
  const [key = '', pem = ''] = files;
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const named = ['-subj', '/CN=photo.lan', '-addext', 'subjectAltName=DNS:photo.lan', '-days', '1'];
  const openssl = (args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  openssl([...made, ...named, '-keyout', key, '-out', `${pem}.new`]);
  openssl(['x509', '-in', `${pem}.new`, '-signkey', key, '-days', '-1', '-out', pem]);
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(pem) }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const target: ProbeTarget = { host: 'photo.lan', path: '/', tls: 'internal' };
  const options = { address: '127.0.0.1', port, root: readFileSync(pem, 'utf8'), timeoutMs: 5_000 };
  expect((await probeOne(target, options)).error).toBe('its certificate has expired');
  server.close();
});

it('a hub that does not listen is told with the place', async () => {
  const answer = await probe({}, { https: ports.free });
  expect(answer?.error).toBe(`nobody listens at 127.0.0.1:${ports.free}, where the hub should`);
});

it('gives the root that devices are to trust', async () => {
  expect(await rootCertificate({ socket })).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
});
