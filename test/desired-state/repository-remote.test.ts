import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer, type Server } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOk } from '../../tools/run.ts';
import { makeOrigin, opened, refused, synced, temporaryDirectory } from './repository-fixture.ts';

const sshdPath = '/usr/sbin/sshd';
const backendPath = '/usr/lib/git-core/git-http-backend';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe('SSH, against a real sshd', () => {
  let sshd: ChildProcess;
  let port = 0;

  /** One sshd a test, since temporary directories live as long as one. */
  async function server(): Promise<{ key: string; knownHosts: string; stranger: string; hostKey: string }> {
    if (!existsSync(sshdPath)) throw new Error('sshd is missing: apt-get install openssh-server');
    const directory = temporaryDirectory();
    const at = (name: string) => path.join(directory, name);
    for (const name of ['host', 'deploy key', 'stranger']) {
      await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
    }
    mkdirSync('/run/sshd', { recursive: true });
    writeFileSync(at('authorized'), readFileSync(at('deploy key.pub')));
    port = await freePort();
    const options = [
      'StrictModes=no',
      'UsePAM=no',
      `AuthorizedKeysFile=${at('authorized')}`,
      `PidFile=${at('pid')}`,
      'PermitRootLogin=yes',
    ];
    const args = [
      '-D',
      '-e',
      '-f',
      '/dev/null',
      '-p',
      String(port),
      '-h',
      at('host'),
      '-o',
      'ListenAddress=127.0.0.1',
    ];
    sshd = spawn(sshdPath, [...args, ...options.flatMap((option) => ['-o', option])], { stdio: 'ignore' });
    await answering(port);
    const hostKey = readFileSync(at('host.pub'), 'utf8');
    writeFileSync(at('known hosts'), `[127.0.0.1]:${port} ${hostKey}`);
    return { key: at('deploy key'), knownHosts: at('known hosts'), stranger: at('stranger'), hostKey };
  }

  const url = (work: string) => `ssh://root@127.0.0.1:${port}${work}`;

  it('a deploy key and a known host key let it in; every other key of either side is refused', async () => {
    const { key, knownHosts, stranger } = await server();
    try {
      const origin = await makeOrigin();
      const good = { sshKeyFile: key, knownHostsFile: knownHosts };
      expect(await synced(opened(url(origin.work), { credentials: good }).repository)).toMatch(
        /^[0-9a-f]{40}$/,
      );
      const strange = opened(url(origin.work), { credentials: { ...good, sshKeyFile: stranger } });
      expect((await refused(strange.repository)).error).toContain('does not accept the SSH key');
      const empty = path.join(temporaryDirectory(), 'empty');
      writeFileSync(empty, '');
      const unknown = opened(url(origin.work), { credentials: { ...good, knownHostsFile: empty } });
      expect(await refused(unknown.repository)).toMatchObject({
        retryable: false,
        error: expect.stringContaining('not in known_hosts'),
      });
      expect(readFileSync(empty, 'utf8')).toBe('');
      const wrong = `[127.0.0.1]:${port} ${readFileSync(`${stranger}.pub`, 'utf8')}`;
      writeFileSync(empty, wrong);
      const changed = opened(url(origin.work), { credentials: { ...good, knownHostsFile: empty } });
      expect(await refused(changed.repository)).toMatchObject({
        retryable: false,
        error: expect.stringMatching(/another host key|not in known_hosts/),
      });
      expect(readFileSync(empty, 'utf8')).toBe(wrong);
    } finally {
      sshd.kill();
    }
  });
});

describe('HTTPS, against git http-backend', () => {
  let server: Server;
  let base = '';
  let tls = '';
  let root = '';
  const seen: string[] = [];

  beforeAll(async () => {
    if (!existsSync(backendPath)) throw new Error('git http-backend is missing: apt-get install git');
    tls = (await runOk('mktemp', ['-d'])).trim();
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', `${tls}/key`, '-out', `${tls}/cert`];
    await runOk('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      ...files,
      ...subject,
    ]);
    const options = { key: readFileSync(`${tls}/key`), cert: readFileSync(`${tls}/cert`) };
    server = createHttpsServer(options, (request, response) => {
      seen.push(request.headers.authorization ?? '');
      if (request.headers.authorization !== `Basic ${Buffer.from('bob:t0p s3cret').toString('base64')}`) {
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end();
        return;
      }
      const [pathInfo = '', query = ''] = (request.url ?? '').split('?');
      const env = {
        ...process.env,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: pathInfo,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method ?? '',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: 'bob',
      };
      const backend = spawn(backendPath, [], { env });
      request.pipe(backend.stdin);
      const chunks: Buffer[] = [];
      backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      backend.on('close', () => {
        const output = Buffer.concat(chunks);
        const end = output.indexOf('\r\n\r\n');
        const headers = output
          .subarray(0, end)
          .toString()
          .split('\r\n')
          .map((line) => line.split(': ') as [string, string]);
        response.writeHead(
          Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200),
          Object.fromEntries(headers),
        );
        response.end(output.subarray(end + 4));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    base = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await runOk('rm', ['-r', tls]);
  });

  it.each([
    ['a token file', 'https://', { username: 'bob', tokenFile: 't0p s3cret\n' }],
    ['the user in the URL and a token file', 'https://bob@', { tokenFile: 't0p s3cret' }],
    ['a password in the URL', 'https://bob:t0p%20s3cret@', {}],
  ])('lets in %s, and keeps no secret on disk', async (_name, scheme, credentials) => {
    const origin = await makeOrigin();
    root = origin.work;
    const { repository, stateDir } = opened(`${scheme}${base}/.git`, {
      credentials: { ...withToken(credentials), caFile: `${tls}/cert` },
    });
    await repository.promote(await synced(repository));
    await expect(runOk('grep', ['-rF', 's3cret', stateDir])).rejects.toThrow('exited 1');
  });

  it('a wrong token is a sentence without it', async () => {
    const credentials = { ...withToken({ username: 'bob', tokenFile: 'wr0ng' }), caFile: `${tls}/cert` };
    const { error, retryable } = await refused(opened(`https://${base}/.git`, { credentials }).repository);
    expect(error).toContain('name it as credentials.tokenFile in steward.yaml');
    expect([error.includes('did not accept'), error.includes('wr0ng'), retryable]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('a certificate of nobody we trust is refused before any secret is sent', async () => {
    seen.length = 0;
    const { error } = await refused(opened(`https://bob:t0p%20s3cret@${base}/.git`).repository);
    expect(error).toContain('certificate of the server is not trusted');
    expect(error).not.toContain('s3cret');
    expect(seen).toEqual([]);
  });
});

function withToken(given: { username?: string; tokenFile?: string }) {
  if (given.tokenFile === undefined) return given;
  const tokenFile = path.join(temporaryDirectory(), 'to ken');
  writeFileSync(tokenFile, given.tokenFile);
  chmodSync(tokenFile, 0o600);
  return { ...given, tokenFile };
}

/** Tries until the port takes a connection. */
async function answering(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (open) return;
  }
}
