import type { DnsProvider } from '../tools/dns/types.ts';
import type { LabDns } from './schema/dns.ts';

/** What lab.yaml says of its DNS server, in the words of the room that speaks to it. */
export function providerOf(dns: LabDns): DnsProvider {
  switch (dns.provider) {
    case 'rfc2136': {
      const { provider, server, port, zone, ttl, key } = dns;
      return { provider, server, port, zone, ttl, keyFile: key?.file ?? null };
    }
    case 'hosts-file':
      return { provider: dns.provider, file: dns.file, pidFile: dns.pidFile ?? null };
    case 'adguard':
      return {
        ...{ provider: dns.provider, url: dns.url, username: dns.username },
        passwordFile: dns.password.file,
      };
    case 'pihole':
      return { provider: dns.provider, url: dns.url, passwordFile: dns.password.file };
  }
}

/** Why this server can hold no record of that name, as the end of a sentence; null where it can. */
export function whyNoRecord(host: string, provider: DnsProvider): string | null {
  const isWildcard = host.startsWith('*.');
  if (isWildcard && (provider.provider === 'hosts-file' || provider.provider === 'pihole'))
    return 'this kind of DNS server knows no wildcards';
  if (provider.provider !== 'rfc2136') return null;
  const { zone } = provider;
  return host === zone || host.endsWith(`.${zone}`) ? null : `it is not in the zone ${zone}`;
}
