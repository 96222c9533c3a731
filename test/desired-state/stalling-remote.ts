import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

const backendPath = '/usr/lib/git-core/git-http-backend';

export interface StallingRemote extends AsyncDisposable {
  url: string;
  /** Packs that were asked for. */
  packs: number;
}

/** A repository behind `git http-backend`, which sends half of what is long, and then nothing more. */
export async function stallingRemote(work: string): Promise<StallingRemote> {
  const server = createServer(async (request, response) => {
    const output = await answered(work, request);
    const end = output.indexOf('\r\n\r\n');
    const lines = output.subarray(0, end).toString().split('\r\n');
    const body = output.subarray(end + 4);
    response.writeHead(200, Object.fromEntries(lines.map((line) => line.split(': ') as [string, string])));
    if (body.length < 100_000) return response.end(body);
    remote.packs += 1;
    return response.write(body.subarray(0, body.length / 2));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const remote: StallingRemote = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.git`,
    packs: 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return remote;
}

async function answered(work: string, request: IncomingMessage): Promise<Buffer> {
  const [pathInfo = '', query = ''] = (request.url ?? '').split('?');
  const env = {
    ...process.env,
    GIT_PROJECT_ROOT: work,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: pathInfo,
    QUERY_STRING: query,
    REQUEST_METHOD: request.method ?? '',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
  };
  const backend = spawn(backendPath, [], { env });
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((done) => backend.on('close', done));
  return Buffer.concat(chunks);
}
