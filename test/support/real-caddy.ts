import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { observeHub } from '../../observers/caddy.ts';
import type { HubRequest, ObservedHub } from '../../observers/types.ts';
import { load, runningConfig } from '../../tools/caddy/admin.ts';

/** The real Caddy of this machine, on a socket and a port of the test's own. */
export interface RealCaddy {
  home: string;
  socket: string;
  /** Of the snippets. */
  folder: string;
  port: number;
  /** The line of its Caddyfile that takes snippets in. */
  line: string;
  /** A Caddyfile with a site that says this. */
  own(text?: string): string;
  site(name: string, text: string): string;
  request(snippets?: Record<string, string>, over?: Partial<HubRequest>): HubRequest;
  /** Throws where it does not answer. */
  seen(...args: Parameters<RealCaddy['request']>): Promise<ObservedHub>;
  answer(host: string): Promise<string>;
  /** Somebody changes what it runs with, through its admin API. */
  byHand(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, value?: unknown): Promise<void>;
  /** It begins with what its Caddyfile and its folder say. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Nothing in the folder, and its own Caddyfile alone. */
  reset(): Promise<void>;
  remove(): Promise<void>;
}

export async function realCaddy(): Promise<RealCaddy> {
  const home = mkdtempSync(path.join(tmpdir(), 'hub-'));
  const at = (name: string) => path.join(home, name);
  const [socket, folder, port] = [at('admin.sock'), at('routes'), await freePort()];
  const line = `import ${folder}/*.caddy`;
  const own = (text = 'by hand') =>
    `{\n\tadmin unix/${socket}\n\tauto_https off\n}\n${line}\nhttp://hub.lan:${port} {\n\trespond "${text}"\n}\n`;
  const asked: RealCaddy['request'] = (snippets = {}, over = {}) => ({
    ...{ container: 'hub', socket, folder, caddyfile: own(), line, own: 'hub/Caddyfile' },
    ...{ snippets: new Map(Object.entries(snippets)), leaving: [] as string[], ...over },
  });
  mkdirSync(folder);
  writeFileSync(at('Caddyfile'), own());
  let caddy: ReturnType<typeof spawn> | null = null;
  const kill = async () => {
    if (caddy === null) return;
    const ended = once(caddy, 'exit');
    caddy.kill('SIGKILL');
    await ended;
    caddy = null;
  };
  return {
    ...{ home, socket, folder, port, line, own, request: asked },
    site: (name, text) => `http://${name}.lan:${port} {\n\trespond "${text}"\n}\n`,
    async seen(...args) {
      const found = await observeHub(asked(...args), {});
      if (!found.known) throw new Error(found.error);
      return found.value;
    },
    answer: (host) => answerOf(host, port),
    byHand: (method, where, value) => byHand(socket, method, where, value),
    async start() {
      const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
      const args = ['run', '--config', at('Caddyfile'), '--adapter', 'caddyfile'];
      caddy = spawn('caddy', args, { env, stdio: 'ignore' });
      await vi.waitFor(() => runningConfig({ socket }), { timeout: 10_000 });
    },
    kill,
    async reset() {
      for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
      await load(own(), { socket });
    },
    async remove() {
      await kill();
      rmSync(home, { recursive: true });
    },
  };
}

/**
 * Caddy shares a port with any other Caddy that has it, and so with that of a test that runs beside this one: each is taken
 * once, and out of a range from which the kernel gives nobody one by itself (ip(7), ip_local_port_range).
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (isTaken(port)) continue;
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    probe.close();
    if (isFree) return port;
  }
}

/** By another process, or this one. */
function isTaken(port: number): boolean {
  const mark = path.join(tmpdir(), `steward-test-port-${port}`);
  try {
    mkdirSync(mark);
  } catch {
    return true;
  }
  process.once('exit', () => rmSync(mark, { recursive: true, force: true }));
  return false;
}

async function answerOf(host: string, port: number): Promise<string> {
  const asked = request({ port, host: '127.0.0.1', headers: { Host: `${host}:${port}` } });
  asked.end();
  const [response] = await once(asked, 'response');
  return Buffer.concat(await response.toArray()).toString();
}

async function byHand(socketPath: string, method: string, where: string, value: unknown): Promise<void> {
  const headers = { Host: '', 'Content-Type': 'application/json' };
  const asked = request({ socketPath, method, path: `/config/${where}`, headers, setHost: false });
  asked.end(value === undefined ? undefined : JSON.stringify(value));
  const [response] = await once(asked, 'response');
  const words = Buffer.concat(await response.toArray()).toString();
  if (response.statusCode !== 200) throw new Error(`${where}: ${words}`);
}
