import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DockerConnection } from './docker.ts';

/**
 * Reading from Docker's own socket by plain HTTP. dockerode does this too, but brings gRPC and SSH along: 0.1 s and
 * 20 MB that a cycle with nothing to do need not pay. Whatever changes something, or goes by TCP or SSH, is dockerode's.
 */
export function dockerSocket({ socketPath }: DockerConnection): string | null {
  if (socketPath !== undefined) return socketPath;
  const host = process.env.DOCKER_HOST ?? '';
  if (host === '') return '/var/run/docker.sock';
  return /^unix:\/\/(\/.+)$/.exec(host)?.[1] ?? null;
}

/** The parsed answer to `GET path`. Throws what dockerode throws: see dockerSentence. */
export async function dockerGet(socketPath: string, path: string, signal: AbortSignal): Promise<unknown> {
  const { statusCode, body } = await get(socketPath, path, signal).catch((error: Error) => {
    throw signal.aborted ? Object.assign(error, { name: 'AbortError' }) : error;
  });
  if (statusCode === 200) return JSON.parse(body);
  const json = parsed(body);
  throw Object.assign(new Error(`it answered ${statusCode}`), { statusCode, json });
}

function get(
  socketPath: string,
  path: string,
  signal: AbortSignal,
): Promise<{ statusCode: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, signal, headers: { host: 'docker' } }, (response) => {
      const { statusCode } = response;
      text(response).then((body) => resolve({ statusCode, body }), reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
