import type { DnsProvider } from '../../tools/dns/types.ts';
import { type Inferred, type ServiceContext, yamlOrigin } from '../context.ts';
import { whyNoRecord } from '../dns.ts';
import { warningAt } from '../problems.ts';
import { hostName } from '../routes.ts';
import type { DesiredRecord, Problem, ResourceId } from '../types.ts';

/** Every name of a route leads to the hub. A record needs the route: a name that leads nowhere helps nobody. */
export function serviceRecords(context: ServiceContext): Inferred<DesiredRecord> {
  const { dns, domain } = context.lab;
  if (dns === null) return { resources: [], problems: [] };
  const service = context.folder.name;
  const route: ResourceId = `caddy-route:${service}`;
  const needs = context.earlier.some(({ id }) => id === route) ? [route] : [];
  const records = new Map<string, DesiredRecord>();
  const problems: Problem[] = [];
  for (const [index, { host }] of context.config.routes.entries()) {
    const name = hostName(host, domain);
    const origin = yamlOrigin(context, ['routes', index, 'host']);
    const why = whyNoRecord(name, dns.provider);
    if (why !== null) {
      problems.push(
        warningAt(
          origin,
          `no DNS record is made for ${name}: ${why}`,
          'make it by hand where it belongs',
          host,
        ),
      );
    } else if (!records.has(name)) {
      const { address, provider } = dns;
      const id: ResourceId = `dns-record:${name}`;
      const stranger = notOfLab(name, dns.provider, domain);
      if (stranger !== null) problems.push(warningAt(origin, ...stranger, host));
      records.set(name, { kind: 'dns-record', id, name, service, origin, needs, address, provider });
    }
  }
  return { resources: [...records.values()], problems };
}

/** Message and fix: without a zone nobody else can tell whose name it is. */
function notOfLab(
  name: string,
  { provider }: DnsProvider,
  domain: string | null,
): [message: string, fix: string] | null {
  if (provider === 'rfc2136' || domain === null) return null;
  if (name === domain || name.endsWith(`.${domain}`)) return null;
  return [
    `${name} is not below ${domain}, and all who ask this DNS server for it are led to the hub from now on`,
    `take a name below ${domain}, unless ${name} is yours`,
  ];
}
