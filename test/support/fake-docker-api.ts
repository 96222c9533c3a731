import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

export interface FakeDockerApi extends AsyncDisposable {
  socketPath: string;
  /** `GET /info`, in order of arrival. */
  calls: string[];
  /** Parsed JSON bodies of the calls that had one. */
  bodies: unknown[];
}

/** What to answer to `METHOD /path` and its JSON, and when; null: nothing, ever. */
export type Answer = (call: string, body?: unknown) => Given | Promise<Given>;

type Given = { status?: number; body?: unknown; stream?: Stream } | null;

/** Bytes as they are; `open`: more would follow, and never does. */
export interface Stream {
  bytes: Buffer;
  open: boolean;
}

/** Something that speaks HTTP on a unix socket, in the place of a daemon. */
export async function fakeDockerApi(answer: Answer): Promise<FakeDockerApi> {
  const socketPath = path.join(mkdtempSync(path.join(tmpdir(), 'fake-docker-')), 'docker.sock');
  const calls: string[] = [];
  const bodies: unknown[] = [];
  const server = createServer(async (request, response) => {
    const call = `${request.method} ${decodeURIComponent(request.url ?? '')}`;
    calls.push(call);
    const sent = await text(request);
    const body: unknown = sent === '' ? undefined : JSON.parse(sent);
    if (body !== undefined) bodies.push(body);
    const given = await answer(call, body);
    if (given === null) return;
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json' });
    if (given.stream !== undefined) {
      response.write(given.stream.bytes);
      if (!given.stream.open) response.end();
      return;
    }
    response.end(given.body === undefined ? '' : JSON.stringify(given.body));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    calls,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
