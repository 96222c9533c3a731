import { composeCaddyfile, standsAlone } from './compose.ts';

/**
 * Hosts that the hub answers by its own Caddyfile. Caddy refuses one that is there twice at the same port; where it has
 * room for both, as for HTTP beside HTTPS, or for one host out of a wildcard, a service could take what is the hub's.
 */

/** Addresses of sites in a snippet: as Steward writes them, at the beginning of a line. */
export function addressesIn(snippet: string): string[] {
  return [...snippet.matchAll(/^([^\s#{}]+) \{$/gm)].map(([, address = '']) => address);
}

export function hostsIn(snippet: string): string[] {
  return addressesIn(snippet).map((address) => address.replace(/^[a-z]+:\/\/|:\d+$/g, '').toLowerCase());
}

/** Whether Caddy has to be asked at all: what this text neither says, nor takes from elsewhere, it does not mean. */
export function mayMean(caddyfile: string, line: string, hosts: readonly string[]): boolean {
  const text = composeCaddyfile(caddyfile, line, []).toLowerCase();
  return !standsAlone(text) || /\{(\$|env\.)/.test(text) || hosts.some((host) => text.includes(host));
}

/** A host of this snippet that the hub's own configuration has too, as a sentence; null: there is none. */
export function ownHostIn(snippet: string, own: unknown): string | null {
  const taken = new Set(matchedHosts(own));
  const host = hostsIn(snippet).find((each) => taken.has(each));
  return host === undefined ? null : `${host} is a host of the Caddyfile of the hub`;
}

/** Of sites, and of matchers within them; what a `not` names is somebody else's. */
function matchedHosts(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'match' && Array.isArray(inner) ? inner.flatMap(hostsOf) : matchedHosts(inner),
  );
}

function hostsOf(matcher: unknown): string[] {
  const { host } = (matcher ?? {}) as { host?: unknown };
  return Array.isArray(host) ? host.map((each) => String(each).toLowerCase()) : [];
}
