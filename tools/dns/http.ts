import { DnsError } from './types.ts';

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

/** Longer than any list of names of a home. */
const maxBytes = 4 * 1024 * 1024;

/** Status and JSON (undefined where there is none) of an answer. Throws DnsError where there is no answer at all. */
export async function callJson(call: Call): Promise<{ status: number; json: unknown }> {
  const { method, url, headers = {}, body, timeoutMs, signal } = call;
  const limits = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
  try {
    const answer = await fetch(url, {
      method,
      redirect: 'error',
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: AbortSignal.any(limits),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, json: text.length > maxBytes ? undefined : parsed(text) };
  } catch (cause) {
    const { name, cause: inner } = cause as Error & { cause?: NodeJS.ErrnoException };
    const why = name === 'TimeoutError' ? `within ${timeoutMs / 1000} s` : `(${inner?.code ?? name})`;
    throw new DnsError(`${new URL(url).origin} does not answer ${why}`, { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
