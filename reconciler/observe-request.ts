import type { DesiredResource, DesiredState } from '../desired-state/types.ts';
import type { DnsRequest, HubRequest, ObserveRequest } from '../observers/types.ts';
import { wasTold } from './hub-commit.ts';
import { labMark } from './kinds/dns-record.ts';
import { ownRoute } from './kinds/route/own.ts';
import { isHeld, leavingRoutes, wantedSnippets } from './kinds/route/together.ts';
import type { Inventory } from './state/inventory.ts';

/** What a cycle has to see of the host, besides what there is of ZFS and Docker anyway. */
export function requestOf(
  desired: DesiredState,
  inventory: Inventory,
  signal: AbortSignal | undefined,
): ObserveRequest {
  const paths = [...new Set(desired.resources.flatMap((resource) => pathsOf(resource, desired)))];
  const hub = hubRequest(desired, inventory);
  const dns = dnsRequest(desired, inventory);
  return {
    paths,
    ...(hub === null ? {} : { hub }),
    ...(dns === null ? {} : { dns }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Directories, and what else containers mount out of datasets: single files. */
function pathsOf(resource: DesiredResource, { storage }: DesiredState): string[] {
  if (resource.kind === 'directory') return [resource.path];
  if (resource.kind !== 'compose-stack' || storage === null) return [];
  const mounts = resource.containers.flatMap(({ bindMounts }) => bindMounts);
  return mounts.filter((path) => path.startsWith(`${storage.mountpoint}/`));
}

/**
 * The same for backups that a person asks for. Nothing is told to the hub or to the DNS server for them, so that neither
 * is asked: but a Caddyfile that no hub had yet may make the commit a bad one.
 */
export function requestForBackups(
  desired: DesiredState,
  inventory: Inventory,
  signal: AbortSignal | undefined,
): ObserveRequest {
  const { hub, dns: _dns, ...request } = requestOf(desired, inventory, signal);
  const isJudged = desired.hub === null || wasTold(desired.hub, inventory);
  return isJudged || hub === undefined ? request : { ...request, hub };
}

function hubRequest(desired: DesiredState, inventory: Inventory): HubRequest | null {
  const { hub, resources } = desired;
  if (hub === null) return null;
  const { container, socket, folder, caddyfile, line } = hub;
  const bounds = resources.flatMap((each) =>
    each.kind === 'caddy-route' && each.bounds !== null && !isHeld(each.service, desired)
      ? [[each.name, each.bounds] as const]
      : [],
  );
  return {
    ...{ container, socket, folder, caddyfile, line, own: ownRoute(hub).name },
    snippets: new Map(wantedSnippets(desired)),
    ...(bounds.length === 0 ? {} : { bounds: new Map(bounds) }),
    leaving: leavingRoutes(desired, inventory),
  };
}

/** Names of Git, and those that were made for Git and may have to go. Without a server in lab.yaml none can be asked. */
function dnsRequest({ dns, resources, labName }: DesiredState, inventory: Inventory): DnsRequest | null {
  if (dns === null) return null;
  const declared = resources.flatMap(({ kind, name }) => (kind === 'dns-record' ? [name] : []));
  const recorded = [...inventory.entries.values()].filter(({ kind }) => kind === 'dns-record');
  const names = [...new Set([...declared, ...recorded.map(({ name }) => name)])];
  return { provider: dns, mark: labMark(labName), names };
}
