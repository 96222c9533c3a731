import { createServer, request as httpRequest, type Server } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostObserver } from '../../observers/host.ts';
import type { HubRequest } from '../../observers/types.ts';
import { type FakeDockerApi, fakeDockerApi } from '../support/fake-docker-api.ts';
import { type RealCaddy, realCaddy } from '../support/real-caddy.ts';

/** What a look at the hub costs: everything that the real Caddy is asked goes through here, and is counted. */

let caddy: RealCaddy;
let docker: FakeDockerApi;
let counting: Server;
let asked: string[] = [];
let container: string | null;

beforeAll(async () => {
  caddy = await realCaddy();
  await caddy.start();
  docker = await fakeDockerApi((call) =>
    container === null ? { status: 500 } : { body: call.includes('/containers/') ? [listed(container)] : [] },
  );
  counting = createServer(async (incoming, outgoing) => {
    const sent = await text(incoming);
    const { method, url } = incoming;
    asked.push(`${method} ${url}`);
    const headers = { ...incoming.headers, host: '' };
    const options = { socketPath: caddy.socket, method, path: url, headers, agent: false as const };
    const onward = httpRequest({ ...options, setHost: false });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    onward.end(sent);
  });
  await new Promise<void>((resolve) => counting.listen(path.join(caddy.home, 'counting.sock'), resolve));
});
beforeEach(async () => {
  await caddy.reset();
  container = 'a'.repeat(64);
});
afterAll(async () => {
  counting.close();
  await docker[Symbol.asyncDispose]();
  await caddy.remove();
});

/** As Docker prints it, of what is needed. */
function listed(id: string) {
  return { Id: id, Names: ['/hub'], Image: 'caddy:2', ImageID: 'sha256:1', State: 'running', Labels: {} };
}

/** One loop's observer: what each look asks of Caddy. */
function looks() {
  const observer = hostObserver({ socketPath: docker.socketPath, etc: caddy.home, commands: missing });
  return async (snippets: Record<string, string>, over: Partial<HubRequest> = {}) => {
    asked = [];
    const socket = path.join(caddy.home, 'counting.sock');
    const { hub } = await observer.observe({ paths: [], hub: caddy.request(snippets, { socket, ...over }) });
    if (hub?.known !== true) throw new Error(hub?.error);
    return { asked, refused: [...hub.value.refused.keys()] };
  };
}

const missing = { zfs: '/nowhere/zfs', zpool: '/nowhere/zpool' };
const bad = 'bad.lan {\n\tnonsense\n}\n';
const running = 'GET /config/';

describe('a cycle in which nothing has changed asks Caddy once', () => {
  it('where all is well', async () => {
    const look = looks();
    expect((await look({})).asked).toEqual([running, 'POST /adapt']);
    expect((await look({})).asked).toEqual([running]);
    expect((await look({})).asked).toEqual([running]);
  });

  it('where one route of many is refused, and knows so still', async () => {
    const many = Array.from({ length: 16 }, (_, at) => [`s${at}`, caddy.site(`s${at}`, 'x')] as const);
    const snippets = { ...Object.fromEntries(many), bad };
    const look = looks();
    const first = await look(snippets);
    expect(first.refused).toEqual(['bad']);
    expect(first.asked.length).toBeLessThan(16);
    expect(await look(snippets)).toEqual({ asked: [running], refused: ['bad'] });
  });
});

describe('it is asked again', () => {
  it('for another text, and for no other', async () => {
    const look = looks();
    await look({ photo: caddy.site('photo', 'one') });
    const { asked } = await look({ photo: caddy.site('photo', 'two') });
    expect(asked).toEqual([running, 'POST /adapt']);
  });

  it('of another container: it may be another Caddy', async () => {
    const look = looks();
    await look({});
    container = 'b'.repeat(64);
    expect((await look({})).asked).toEqual([running, 'POST /adapt']);
  });

  it('where nobody knows which container it is', async () => {
    const look = looks();
    container = null;
    await look({});
    expect((await look({})).asked).toEqual([running, 'POST /adapt']);
  });

  it('where its Caddyfile imports others, which may have changed', async () => {
    const look = looks();
    const caddyfile = `${caddy.own()}import ${caddy.home}/more/*.conf\n`;
    await look({}, { caddyfile });
    expect((await look({}, { caddyfile })).asked).toEqual([running, 'POST /adapt']);
  });
});
