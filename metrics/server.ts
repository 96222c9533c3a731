import fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';

export interface ServerOptions {
  registry: Registry;
  host: string;
  port: number;
  /** Between two cycles; healthy is a cycle within three of them. */
  intervalMs: number;
  now(): number;
  /** Milliseconds since the epoch; null before the first cycle. */
  lastCycleAt(): number | null;
  /** Out of memory: a request never asks the host. */
  status(): unknown;
}

/** The address cannot be served. `message` is one sentence for people. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Metrics, health and status over HTTP, from start to stop. */
export class MetricsServer {
  readonly #app: FastifyInstance;
  readonly #options: ServerOptions;
  readonly #startedAt: number;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#app = fastify({ logger: false, forceCloseConnections: true });
    this.#routes();
  }

  /** The address it listens on; with port 0 the one that was given. Throws ListenError. */
  async start(): Promise<string> {
    const { host, port } = this.#options;
    try {
      return await this.#app.listen({ host, port });
    } catch (error) {
      throw new ListenError(sentence(error as NodeJS.ErrnoException, `${host}:${port}`), { cause: error });
    }
  }

  async stop(): Promise<void> {
    await this.#app.close();
  }

  #routes(): void {
    const { registry, status } = this.#options;
    this.#app.get('/metrics', async (_request, reply) => {
      return reply.type(registry.contentType).send(await registry.metrics());
    });
    this.#app.get('/status', async (_request, reply) => reply.send(status()));
    this.#app.get('/healthz', async (_request, reply) => {
      const { healthy, text } = this.#health();
      return reply
        .code(healthy ? 200 : 503)
        .type('text/plain')
        .send(`${text}\n`);
    });
  }

  /** Before the first cycle the start counts: a first apply may pull images, and is not yet a fault. */
  #health(): { healthy: boolean; text: string } {
    const { intervalMs, lastCycleAt, now } = this.#options;
    const last = lastCycleAt();
    const seconds = Math.round((now() - (last ?? this.#startedAt)) / 1000);
    const healthy = now() - (last ?? this.#startedAt) <= 3 * intervalMs;
    if (last === null) return { healthy, text: `no cycle has ended in the ${seconds} s since the start` };
    return {
      healthy,
      text: healthy ? 'ok' : `the last cycle was ${seconds} s ago; expected every ${intervalMs / 1000} s`,
    };
  }
}

function sentence(error: NodeJS.ErrnoException, address: string): string {
  if (error.code === 'EADDRINUSE')
    return `${address} is taken by another program; choose another with --listen`;
  if (error.code === 'EACCES')
    return `${address} needs rights that this user does not have; choose a port from 1024`;
  return `cannot listen on ${address}: ${error.message}`;
}
