import { z } from 'zod';
import { readSecretFile } from '../secret-file.ts';
import { callJson } from './http.ts';
import { DnsError, type DnsOptions, type DnsProvider, type DnsRecord, type DnsServer } from './types.ts';

type PiHole = Extract<DnsProvider, { provider: 'pihole' }>;
type Ask = (method: 'GET' | 'PUT' | 'DELETE', path: string) => Promise<{ status: number; json: unknown }>;

const session = z.object({ session: z.object({ valid: z.boolean(), sid: z.string().nullable() }) });
const hosts = z.object({ config: z.object({ dns: z.object({ hosts: z.array(z.string()) }) }) });

/**
 * Local DNS records of Pi-hole 6. Source: its API description (FTL, src/api/docs): /api/auth, and elements of the list
 * /api/config/dns/hosts, each `ADDRESS NAME`; built to that and tried against a server that follows it, not against
 * Pi-hole itself.
 */
export function pihole(provider: PiHole, options: DnsOptions): DnsServer {
  const during = <T>(work: (ask: Ask) => Promise<T>) => inSession(provider, options, work);
  return {
    look: (names) =>
      during(async (ask) => {
        const found = hosts.safeParse((await ask('GET', 'config/dns/hosts')).json);
        if (!found.success) throw new DnsError(`${provider.url} does not speak as Pi-hole 6 does`);
        const lines = found.data.config.dns.hosts.map((line) => line.trim().split(/\s+/));
        const addresses = (name: string) =>
          lines.flatMap(([address = '', ...own]) => (own.includes(name) ? [address] : [])).sort();
        return Object.fromEntries(names.map((name) => [name, { addresses: addresses(name), mark: null }]));
      }),
    put: ({ name, address }, replaces) =>
      during(async (ask) => {
        // Cut off in between, the name is missing and is put again; two addresses could be somebody else's.
        if (replaces !== null)
          await expectDone(ask('DELETE', element({ name, address: replaces })), [204, 404], provider);
        await expectDone(ask('PUT', element({ name, address })), [201], provider);
      }),
    remove: (record) => during((ask) => expectDone(ask('DELETE', element(record)), [204, 404], provider)),
  };
}

function element({ name, address }: DnsRecord): string {
  return `config/dns/hosts/${encodeURIComponent(`${address} ${name}`)}`;
}

async function expectDone(
  answer: Promise<{ status: number }>,
  good: number[],
  { url }: PiHole,
): Promise<void> {
  const { status } = await answer;
  if (!good.includes(status)) throw new DnsError(`${url} answers config/dns/hosts with ${status}`);
}

/** Sessions are few, and last half an hour where nobody ends them. */
async function inSession<T>(
  { url, passwordFile }: PiHole,
  { timeoutMs = 10_000, signal }: DnsOptions,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  const base = `${url.replace(/\/+$/, '')}/api`;
  const limits = { timeoutMs, signal };
  const password = await readSecretFile(passwordFile, 'password').catch((cause: Error) => {
    throw new DnsError(cause.message, { cause });
  });
  const { json } = await callJson({ ...limits, method: 'POST', url: `${base}/auth`, body: { password } });
  const opened = session.safeParse(json);
  if (!opened.success || !opened.data.session.valid)
    throw new DnsError(`${url} does not take the password in ${passwordFile}`);
  const headers = { 'X-FTL-SID': opened.data.session.sid ?? '' };
  try {
    return await work((method, path) => callJson({ ...limits, method, url: `${base}/${path}`, headers }));
  } finally {
    await callJson({ ...limits, method: 'DELETE', url: `${base}/auth`, headers }).catch(() => {});
  }
}
