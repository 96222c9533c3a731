import type Docker from 'dockerode';

export interface DockerConnection {
  /** Default: DOCKER_HOST, else /var/run/docker.sock. */
  socketPath?: string | undefined;
}

/**
 * A client that has not called anything yet. The library is loaded only now: it brings gRPC and SSH along, about
 * 0.1 s that a command without Docker need not pay. Throws where DOCKER_HOST cannot be read or is behind SSH.
 */
export async function connectDocker(connection: DockerConnection): Promise<Docker> {
  if (connection.socketPath === undefined && process.env.DOCKER_HOST?.startsWith('ssh:')) {
    throw new Error(
      `DOCKER_HOST is ${process.env.DOCKER_HOST}; Steward works on the Docker of its own host only`,
    );
  }
  const { default: Client } = await import('dockerode');
  return new Client(connection.socketPath === undefined ? {} : { socketPath: connection.socketPath });
}

/** For whoever knows that it will be needed soon. */
export async function loadDocker(): Promise<void> {
  await import('dockerode');
}

/** A signal for one call: it fires after `timeoutMs`, or when `outer` does. */
export function deadline(timeoutMs: number, outer?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return outer === undefined ? timeout : AbortSignal.any([timeout, outer]);
}

/** HTTP status of an answer that Docker refused with; null when there was no answer. */
export function dockerStatus(error: unknown): number | null {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : null;
}

/** One sentence for people out of whatever dockerode threw. */
export function dockerSentence(error: unknown): string {
  const { code, name, message, json } = error as Error & { code?: string; json?: { message?: unknown } };
  if (typeof json?.message === 'string') return `Docker says: ${oneLine(json.message)}`;
  // Where it would have answered with a stream, the library puts Docker's words into a message of its own.
  if (dockerStatus(error) !== null)
    return `Docker says: ${oneLine(message.replace(/^\(HTTP code \d+\) [^-]*- /, ''))}`;
  if (name === 'AbortError' || code === 'ABORT_ERR') return 'Docker did not answer in time';
  if (code === 'ENOENT') return 'Docker is not running: there is no socket';
  if (code === 'ECONNREFUSED') return 'Docker is not running: nobody listens on its socket';
  if (code === 'EACCES') return 'Docker refuses this user: no permission on its socket';
  return `Docker cannot be reached: ${oneLine(message ?? String(error))}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
