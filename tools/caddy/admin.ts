import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';

/** Caddy's admin API on its unix socket (caddyserver.com/docs/api). */

/** Caddy answered, and refused: its own words. */
export class CaddyRefused extends Error {
  override readonly name = 'CaddyRefused';
}

/** Something answered, and Caddy would not have answered so. Nothing is known then. */
class NotCaddy extends Error {
  override readonly name = 'NotCaddy';
}

export interface AdminOptions {
  socket: string;
  /** For each call. Default 20 s. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What Caddy runs with, as JSON; null where it runs with nothing. Throws where it does not answer. */
export async function runningConfig(options: AdminOptions): Promise<unknown> {
  return parsed((await call('GET', '/config/', null, options)) || 'null');
}

/** What a Caddyfile means to this Caddy. Nothing is changed. Throws CaddyRefused where it means nothing. */
export async function adapt(caddyfile: string, options: AdminOptions): Promise<object> {
  const answer = parsed(await call('POST', '/adapt', caddyfile, options)) as { result?: unknown } | null;
  const result = answer?.result;
  if (typeof result === 'object' && result !== null) return result;
  throw new NotCaddy('it answered without a configuration');
}

/**
 * From now on Caddy runs with this Caddyfile; requests under way are answered. Where it cannot, it goes on with what it
 * had. Throws CaddyRefused.
 */
export async function load(caddyfile: string, options: AdminOptions): Promise<void> {
  const answer = await call('POST', '/load', caddyfile, options);
  // Warnings, such as of a text that is not formatted, are written first, with 200: what came of it stands behind them.
  const at = answer.lastIndexOf('{"error":');
  if (at >= 0) throw new CaddyRefused(wordsOf(answer.slice(at), 200));
}

/** PEM of the root certificate of its internal CA. It is made where there was none. Throws where it does not answer. */
export async function rootCertificate(options: AdminOptions): Promise<string> {
  const answer = parsed(await call('GET', '/pki/ca/local', null, options));
  const root = (answer as { root_certificate?: unknown } | null)?.root_certificate;
  if (typeof root === 'string' && root.includes('BEGIN CERTIFICATE')) return root;
  throw new CaddyRefused('it has no internal CA');
}

async function call(
  method: string,
  path: string,
  body: string | null,
  options: AdminOptions,
): Promise<string> {
  const { socket: socketPath, timeoutMs = 20_000, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signals = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  // On a unix socket Caddy takes no other host than the empty one (admin.go, allowedOrigins).
  const headers = { Host: '', ...(body === null ? {} : { 'Content-Type': 'text/caddyfile' }) };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    // A connection of its own: after a load Caddy ends those that it has, and one out of a pool may be such.
    const options = { method, path, socketPath, headers, setHost: false, agent: false as const };
    const asked = request({ ...options, signal: signals }, resolve);
    asked.on('error', reject);
    asked.end(body ?? undefined);
  });
  const text = await textOf(answer);
  if (answer.statusCode === 200) return text;
  throw new CaddyRefused(wordsOf(text, answer.statusCode ?? 0));
}

/** Of ten thousand sites it is about ten. */
const longestMiB = 64;

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let left = longestMiB * 2 ** 20;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    left -= chunk.length;
    if (left < 0) throw new NotCaddy(`it answered with more than ${longestMiB} MiB`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NotCaddy('it answered with something that is not JSON', { cause });
  }
}

function wordsOf(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error.replace(/\s+/g, ' ').trim();
  } catch {
    // Not JSON: the status is all that is known.
  }
  return `HTTP ${status}`;
}

/** One sentence for people why Caddy did not answer. */
export function caddySentence(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (error instanceof NotCaddy) return `what listens on Caddy's admin socket is no Caddy: ${message}`;
  if (code === 'ENOENT') return 'Caddy is not running: there is no admin socket';
  if (code === 'ECONNREFUSED') return 'Caddy is not running: nobody listens on its admin socket';
  if (name === 'AbortError' || name === 'TimeoutError') return 'Caddy did not answer in time';
  return `Caddy cannot be reached: ${message}`;
}
