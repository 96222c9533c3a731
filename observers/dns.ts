import { dnsServer } from '../tools/dns/server.ts';
import { DnsError } from '../tools/dns/types.ts';
import type { DnsRequest, Observed, SeenName } from './types.ts';

/** What the DNS server says of these names. Read only; a server that does not answer says nothing about what exists. */
export async function observeDns(
  { provider, mark, names }: DnsRequest,
  { timeoutMs, signal }: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined },
): Promise<Observed<Record<string, SeenName>>> {
  if (names.length === 0) return { known: true, value: {} };
  try {
    return { known: true, value: await dnsServer(provider, { mark, timeoutMs, signal }).look(names) };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return { known: false, error: error.message };
  }
}
