import type { DesiredState } from '../desired-state/types.ts';
import type { DnsRequest, HubRequest, ObserveRequest } from '../observers/types.ts';
import { labMark } from './kinds/dns-record.ts';
import type { Inventory } from './state/inventory.ts';

/** What a cycle has to see of the host, besides what there is of ZFS and Docker anyway. */
export function requestOf(
  desired: DesiredState,
  inventory: Inventory,
  signal: AbortSignal | undefined,
): ObserveRequest {
  const paths = desired.resources.flatMap((resource) =>
    resource.kind === 'directory' ? [resource.path] : [],
  );
  const hub = hubRequest(desired);
  const dns = dnsRequest(desired, inventory);
  return {
    paths,
    ...(hub === null ? {} : { hub }),
    ...(dns === null ? {} : { dns }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function hubRequest({ hub, resources, suspended }: DesiredState): HubRequest | null {
  if (hub === null) return null;
  const { socket, folder, caddyfile, line, service } = hub;
  const snippets = resources.flatMap((each) =>
    each.kind === 'caddy-route' && each.snippet !== null && !suspended.includes(each.service)
      ? [[each.name, each.snippet] as const]
      : [],
  );
  const own = `${service}/Caddyfile`;
  return { socket, folder, caddyfile, line, own, snippets: Object.fromEntries(snippets) };
}

/** Names of Git, and those that were made for Git and may have to go. Without a server in lab.yaml none can be asked. */
function dnsRequest({ dns, resources, labName }: DesiredState, inventory: Inventory): DnsRequest | null {
  if (dns === null) return null;
  const declared = resources.flatMap(({ kind, name }) => (kind === 'dns-record' ? [name] : []));
  const recorded = [...inventory.entries.values()].filter(({ kind }) => kind === 'dns-record');
  const names = [...new Set([...declared, ...recorded.map(({ name }) => name)])];
  return { provider: dns, mark: labMark(labName), names };
}
