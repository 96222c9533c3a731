import { isDeepStrictEqual } from 'node:util';

/**
 * Caddy's JSON, of which only this is known: sites are top-level routes of HTTP servers, matched by host; and the places
 * at which a server and the TLS app say something of a host. What is elsewhere is the hub's own part.
 */

export interface Drift {
  /** Whether both are the same in everything. */
  none: boolean;
  /** Hosts whose sites, or what goes with them, are not the same in both. */
  hosts: ReadonlySet<string>;
}

export const noDrift: Drift = { none: true, hosts: new Set() };

/** What the hub runs with, against what it has to run with. */
export function driftOf(running: unknown, kept: unknown): Drift {
  if (isDeepStrictEqual(running, kept)) return noDrift;
  const [is, wanted] = [aboutHosts(running), aboutHosts(kept)];
  const all = [...new Set([...is.keys(), ...wanted.keys()])];
  const hosts = all.filter((host) => !isDeepStrictEqual(is.get(host), wanted.get(host)));
  return { none: false, hosts: new Set(hosts) };
}

/** Whether all that is not about these hosts is the same: global options, and sites that were written by hand. */
export function sameRest(running: unknown, kept: unknown, hosts: readonly string[]): boolean {
  const others = new Set(hosts);
  return isDeepStrictEqual(without(running, others), without(kept, others));
}

/** Host -> all that is said about it, in whichever server. */
function aboutHosts(config: unknown): Map<string, unknown[]> {
  const policies = asList(at(config, 'apps', 'tls', 'automation', 'policies'));
  const about = new Map<string, unknown[]>();
  for (const server of Object.values((at(config, 'apps', 'http', 'servers') ?? {}) as object))
    for (const site of asList(at(server, 'routes')))
      for (const host of hostsOf(site)) {
        const issued = policyOf(host, policies, ['subjects']);
        about.set(host, [...(about.get(host) ?? []), { site, issued, ...aboutServer(server, host) }]);
      }
  return about;
}

/** With the addresses that the server listens on: the same site at another port is another one. */
function aboutServer(server: unknown, host: string) {
  const logs = at(server, 'logs');
  return {
    listen: at(server, 'listen') ?? null,
    connection: policyOf(host, asList(at(server, 'tls_connection_policies')), ['match', 'sni']),
    logger: at(logs, 'logger_names', host) ?? null,
    isNotLogged: asList(at(logs, 'skip_hosts')).includes(host),
    isWithoutHttps: asList(at(server, 'automatic_https', 'skip')).includes(host),
  };
}

/** The first that is for this host, as Caddy chooses it: names are listed at `path`, and one without a list is for all. */
function policyOf(host: string, policies: unknown[], path: string[]): unknown {
  const found = policies.find((policy) => {
    const names = asList(at(policy, ...path));
    return names.length === 0 || names.some((name) => isFor(String(name), host));
  });
  const said = without(found ?? {}, new Set(asList(at(found, ...path)).map(String)));
  return isEmpty(said) ? null : said;
}

function isFor(name: string, host: string): boolean {
  return name === host || (name.startsWith('*.') && host.slice(host.indexOf('.')) === name.slice(1));
}

function hostsOf(site: unknown): string[] {
  const hosts = asList(at(site, 'match')).flatMap((each) => asList(at(each, 'host')).map(String));
  return [...new Set(hosts)];
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
    return hosts.has(key) || isEmpty(left) ? [] : [[key, left] as const];
  });
  return Object.fromEntries(entries);
}

function kept(item: unknown, hosts: ReadonlySet<string>): unknown[] {
  if (typeof item === 'string') return hosts.has(item) ? [] : [item];
  if (hostsOf(item).some((host) => hosts.has(host)) || isForAlone(item, hosts)) return [];
  const left = without(item, hosts);
  return isEmpty(left) ? [] : [left];
}

/** A policy for these hosts and no other. */
function isForAlone(item: unknown, hosts: ReadonlySet<string>): boolean {
  const names = [...asList(at(item, 'subjects')), ...asList(at(item, 'match', 'sni'))];
  return names.length > 0 && names.every((name) => hosts.has(String(name)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, key)
        ? (found as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}
