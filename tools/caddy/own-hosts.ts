import { domainToASCII } from 'node:url';
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

/** Whether a request for this host would be one for that wildcard: its `*` is one label, never none and never two. */
export function standsFor(wildcard: string, host: string): boolean {
  if (!wildcard.startsWith('*.') || host.startsWith('*')) return false;
  return host.slice(host.indexOf('.')) === wildcard.slice(1);
}

/** Whether Caddy has to be asked at all: what this text neither says, nor puts together, nor takes from elsewhere, it does not mean. */
export function mayMean(caddyfile: string, line: string, hosts: readonly string[]): boolean {
  const text = composeCaddyfile(caddyfile, line, []).toLowerCase();
  const isMeant = (host: string) =>
    text.includes(host) || host.startsWith('*') || (/\bxn--/.test(host) && /[^\p{ASCII}]/u.test(text));
  return !standsAlone(text) || /\{(\$|env\.|args[.[]|blocks?[.}])/.test(text) || hosts.some(isMeant);
}

/**
 * A host of this snippet that the hub's own configuration has too, or that a wildcard of it would answer for in the hub's
 * place in the configuration of both, as a sentence; null: there is none.
 */
export function ownHostIn(snippet: string, own: unknown, both: unknown): string | null {
  const taken = new Set(matchedHosts(own));
  const hosts = hostsIn(snippet);
  const host = hosts.find((each) => taken.has(each));
  if (host !== undefined) return `${host} is a host of the Caddyfile of the hub`;
  for (const wildcard of hosts)
    for (const each of taken)
      if (standsFor(wildcard, each) && isFirst(wildcard, each, both))
        return `${wildcard} would answer for ${each}, which is a host of the Caddyfile of the hub`;
  return null;
}

/**
 * Caddy asks the site of the whole name first, but only one that listens where the wildcard does, and is there for every
 * path: behind another port, in a matcher or by letters that no browser sends, the wildcard's comes first.
 */
function isFirst(wildcard: string, host: string, config: unknown): boolean {
  const { servers } = (config as Config | null)?.apps?.http ?? {};
  return Object.values(servers ?? {}).some(({ routes = [] }) => {
    const hosts = routes.map(({ match = [] }) => match.flatMap(wholeHostsOf));
    const of = (name: string) => hosts.findIndex((all) => all.includes(name));
    return of(wildcard) !== -1 && (of(host) === -1 || of(host) > of(wildcard));
  });
}

interface Config {
  apps?: { http?: { servers?: Record<string, { routes?: { match?: Matcher[] }[] }> } };
}

type Matcher = { host?: unknown };

function wholeHostsOf(matcher: Matcher): string[] {
  return Object.keys(matcher).join() === 'host' ? hostsOf(matcher) : [];
}

/** Of sites, and of matchers within them, as a browser sends them; what a `not` names is somebody else's. */
function matchedHosts(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'match' && Array.isArray(inner) ? inner.flatMap(hostsOf).map(asAsked) : matchedHosts(inner),
  );
}

function asAsked(host: string): string {
  return (domainToASCII(host) || host).replace(/\.$/, '');
}

function hostsOf(matcher: unknown): string[] {
  const { host } = (matcher ?? {}) as Matcher;
  return Array.isArray(host) ? host.map((each) => String(each).toLowerCase()) : [];
}
