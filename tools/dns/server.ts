import { adguard } from './adguard.ts';
import { hostsFile } from './hosts-file.ts';
import { pihole } from './pihole.ts';
import { rfc2136 } from './rfc2136.ts';
import type { DnsOptions, DnsProvider, DnsServer } from './types.ts';

/** The server that lab.yaml names. Nothing is asked yet. */
export function dnsServer(provider: DnsProvider, options: DnsOptions): DnsServer {
  switch (provider.provider) {
    case 'rfc2136':
      return rfc2136(provider, options);
    case 'hosts-file':
      return hostsFile(provider, options);
    case 'adguard':
      return adguard(provider, options);
    case 'pihole':
      return pihole(provider, options);
  }
}
