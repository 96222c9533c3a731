import { z } from 'zod';
import { readSecretFile } from '../secret-file.ts';
import { callJson } from './http.ts';
import { DnsError, type DnsOptions, type DnsProvider, type DnsRecord, type DnsServer } from './types.ts';

type AdGuard = Extract<DnsProvider, { provider: 'adguard' }>;

const rewrites = z.array(z.object({ domain: z.string(), answer: z.string() })).nullable();

/**
 * DNS rewrites of AdGuard Home. Source: its openapi/openapi.yaml, /rewrite/list, /add, /delete and /update; built to that
 * description and tried against a server that follows it, not against AdGuard Home itself.
 */
export function adguard(provider: AdGuard, options: DnsOptions): DnsServer {
  const call = caller(provider, options);
  return {
    look: async (names) => {
      const found = rewrites.safeParse(await call('GET', 'list'));
      if (!found.success) throw new DnsError(`${provider.url} does not speak as AdGuard Home does`);
      const groups = Map.groupBy(found.data ?? [], ({ domain }) => domain);
      const addresses = (name: string) => (groups.get(name) ?? []).map(({ answer }) => answer).sort();
      return Object.fromEntries(names.map((name) => [name, { addresses: addresses(name), mark: null }]));
    },
    put: async (record, replaces) => {
      const update = rewriteOf(record);
      if (replaces === null) await call('POST', 'add', update);
      else await call('PUT', 'update', { target: { ...update, answer: replaces }, update });
    },
    remove: async (record) => {
      await call('POST', 'delete', rewriteOf(record));
    },
  };
}

function rewriteOf({ name, address }: DnsRecord) {
  return { domain: name, answer: address };
}

function caller({ url, username, passwordFile }: AdGuard, { timeoutMs = 10_000, signal }: DnsOptions) {
  return async (method: 'GET' | 'POST' | 'PUT', what: string, body?: unknown): Promise<unknown> => {
    const password = await readSecretFile(passwordFile, 'password').catch((cause: Error) => {
      throw new DnsError(cause.message, { cause });
    });
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const { status, json } = await callJson({
      ...{ method, url: `${url.replace(/\/+$/, '')}/control/rewrite/${what}`, headers: { authorization } },
      ...{ timeoutMs, signal, ...(body === undefined ? {} : { body }) },
    });
    if (status === 401 || status === 403)
      throw new DnsError(`${url} does not take the user ${username} with the password in ${passwordFile}`);
    if (status !== 200) throw new DnsError(`${url} answers rewrite/${what} with ${status}`);
    return json;
  };
}
