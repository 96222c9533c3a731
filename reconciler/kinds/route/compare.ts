import { isDeepStrictEqual } from 'node:util';

/** Caddy's JSON, of which only this is known: sites are top-level routes of HTTP servers, matched by host. */

interface Site {
  match?: { host?: string[] }[];
}

/** Whether the sites of these hosts are the same in both; `wanted` null: none of them is wanted. */
export function sameSites(running: unknown, wanted: unknown, hosts: readonly string[]): boolean {
  const own = new Set(hosts);
  return isDeepStrictEqual(sitesOf(running, own), wanted === null ? [] : sitesOf(wanted, own));
}

/** Whether all the rest is the same: global options, and sites that were written by hand. */
export function sameHub(running: unknown, wanted: unknown, hosts: readonly string[]): boolean {
  const others = new Set(hosts);
  return isDeepStrictEqual(without(running, others), without(wanted, others));
}

/** With the addresses that each server listens on: the same site at another port is another one. */
function sitesOf(config: unknown, hosts: ReadonlySet<string>): unknown[] {
  return serversOf(config).flatMap(({ listen, routes }) =>
    routes.filter((site) => isOf(site, hosts)).map((site) => ({ listen, site })),
  );
}

function serversOf(config: unknown): { listen: unknown; routes: Site[] }[] {
  const servers = at(config, 'apps', 'http', 'servers');
  return Object.values((servers ?? {}) as object).map((server) => ({
    listen: at(server, 'listen') ?? null,
    routes: asList(at(server, 'routes')) as Site[],
  }));
}

function isOf(site: Site, hosts: ReadonlySet<string>): boolean {
  return asList(at(site, 'match')).some((each) =>
    asList(at(each, 'host')).some((name) => hosts.has(String(name))),
  );
}

/** What Caddy would never print is no list, and no reason to fall. */
function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Caddy names the hosts of sites at other places as well, such as policies of certificates: they are left out there. */
function without(value: unknown, hosts: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.flatMap((item) => kept(item, hosts));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, item]) => {
    const left = without(item, hosts);
    return isEmpty(left) ? [] : [[key, left] as const];
  });
  return Object.fromEntries(entries);
}

function kept(item: unknown, hosts: ReadonlySet<string>): unknown[] {
  if (typeof item === 'string') return hosts.has(item) ? [] : [item];
  if (isSite(item) && isOf(item, hosts)) return [];
  const left = without(item, hosts);
  return isEmpty(left) ? [] : [left];
}

function isSite(item: unknown): item is Site {
  return Array.isArray(at(item, 'match'));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[key] : undefined,
    value,
  );
}
