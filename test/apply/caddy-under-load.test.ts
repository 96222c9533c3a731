import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { CaddyLoad } from '../../reconciler/types.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** A service behind the real Caddy that is asked all the time, on connections that are kept. */

let hub: RealCaddy;
const held = Promise.withResolvers<ServerResponse>();
const service = createServer((asked, answer) => {
  if (asked.url === '/slow') held.resolve(answer);
  else answer.end('pictures');
});
const agent = new Agent({ keepAlive: true });

beforeAll(async () => {
  hub = await realCaddy();
  await hub.start();
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const { port } = service.address() as AddressInfo;
  const snippet = `http://photo.lan:${hub.port} {\n\treverse_proxy 127.0.0.1:${port}\n}\n`;
  await told({ name: 'photo', snippet });
});
afterAll(async () => {
  agent.destroy();
  service.closeAllConnections();
  service.close();
  await hub.remove();
});

async function told(over: Partial<CaddyLoad>): Promise<void> {
  const { socket, folder, line } = hub;
  const step: CaddyLoad = {
    ...{ op: 'caddy-load', socket, folder, caddyfile: hub.own(), line, name: 'hub/Caddyfile', snippet: null },
    ...over,
  };
  await hostExecutor({}).execute(step, {});
}

/** Connections that have answered, and how many requests each of them has had. */
const kept = new WeakMap<Socket, number>();
let onKept = 0;

/**
 * As every client (RFC 9112, 9.3.1): Caddy ends kept connections that wait, maybe in the moment in which somebody asks on
 * one. Then it is asked on another one. A new connection that is ended without an answer is one too many.
 */
async function ask(path: string): Promise<string> {
  const headers = { Host: `photo.lan:${hub.port}` };
  const asked = request({ host: '127.0.0.1', port: hub.port, path, headers, agent });
  asked.end();
  const answer = await once(asked, 'response').catch((error: Error) => {
    if (asked.socket !== null && kept.has(asked.socket)) return null;
    throw error;
  });
  if (answer === null) return ask(path);
  const [response] = answer as [IncomingMessage];
  const before = kept.get(response.socket) ?? 0;
  if (before > 0) onKept += 1;
  kept.set(response.socket, before + 1);
  return `${response.statusCode} ${await text(response)}`;
}

it('has every request answered while the hub gets other Caddyfiles, and other routes', async () => {
  const answers: string[] = [];
  let isOver = false;
  const client = async () => {
    while (!isOver) answers.push(await ask('/'));
  };
  const clients = [client(), client(), client()];
  const slow = ask('/slow');
  const waiting = await held.promise;
  for (let round = 0; round < 10; round += 1) {
    const caddyfile = hub.own(`round ${round}`);
    await told({ caddyfile });
    expect(await hub.answer('hub.lan')).toBe(`round ${round}`);
    await told({ caddyfile, name: 'git', snippet: hub.site('git', `${round}`) });
  }
  waiting.end('at last');
  isOver = true;
  await Promise.all(clients);
  expect(await slow).toBe('200 at last');
  expect([...new Set(answers)]).toEqual(['200 pictures']);
  expect(onKept).toBeGreaterThan(20);
});
