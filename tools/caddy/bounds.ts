/**
 * The second wall around directives that a person wrote: what Caddy itself makes of the sites of one service, alone, in
 * its JSON (caddyserver.com/docs/json). They are for their own hosts, answer by what is harmless, and ask nobody but
 * their own upstreams. What is not known is out of bounds.
 */
export interface RouteBounds {
  hosts: string[];
  /** `name:port`, as Caddy dials them; null where lab.yaml permits more than is harmless: only hosts are held against it. */
  upstreams: string[] | null;
}

type Json = Record<string, unknown>;

/** Null where all is within; else the first that is not, as the end of a sentence. */
export function outOfBounds(config: unknown, bounds: RouteBounds): string | null {
  const { hosts, upstreams } = bounds;
  return (upstreams === null ? foreignSites(config, hosts) : straysOf(config, hosts, upstreams))[0] ?? null;
}

/** Whatever its directives do, they do it for no host of somebody else. */
function foreignSites(config: unknown, hosts: readonly string[]): string[] {
  const servers = Object.values((at(config, 'apps', 'http', 'servers') ?? {}) as Json);
  const sites = servers.flatMap((server) => list(at(server, 'routes')));
  return [
    ...sites.flatMap((site) => siteStrays(site, hosts)),
    ...subjectStrays(at(config, 'apps', 'tls'), hosts),
  ];
}

function straysOf(config: unknown, hosts: readonly string[], upstreams: readonly string[]): string[] {
  const [other] = keysBeside(config, ['apps']).concat(keysBeside(at(config, 'apps'), ['http', 'tls']));
  if (other !== undefined) return [`it sets ${other} of the hub`];
  const http = at(config, 'apps', 'http');
  const servers = Object.values((at(http, 'servers') ?? {}) as Json);
  const tls = at(config, 'apps', 'tls');
  return [
    ...keysBeside(http, ['servers']).map((key) => `it sets ${key} of the hub`),
    ...servers.flatMap((server) => serverStrays(server, hosts, upstreams)),
    ...keysBeside(tls, ['automation']).map((key) => `it sets ${key} of the hub`),
    ...subjectStrays(tls, hosts),
    ...textsOf(config).flatMap((text) =>
      /\{(env|file|system|http\.vars(?!\.client_ip\}))\./.test(text) ? [secret] : [],
    ),
  ];
}

const secret = "it names the hub's own environment or files";

function serverStrays(server: unknown, hosts: readonly string[], upstreams: readonly string[]): string[] {
  const known = ['listen', 'routes', 'automatic_https', 'tls_connection_policies', 'logs'];
  const listens = list(at(server, 'listen')).filter((each) => !/^:\d+$/.test(String(each)));
  const foreign = list(at(server, 'routes')).flatMap((site) => siteStrays(site, hosts));
  return [
    ...keysBeside(server, known).map((key) => `it sets ${key} of the hub`),
    ...listens.map((each) => `it listens at ${each}`),
    ...foreign,
    ...list(at(server, 'routes')).flatMap((site) => routeStrays(site, new Set(upstreams))),
  ];
}

function siteStrays(site: unknown, hosts: readonly string[]): string[] {
  const matched = list(at(site, 'match')).map((each) => list(at(each, 'host')).map(String));
  if (matched.length === 0 || matched.some((names) => names.length === 0)) return ['it is for every host'];
  const foreign = matched.flat().filter((host) => !hosts.includes(host));
  return foreign.map((host) => `it is for ${host}, which is no host of this service`);
}

function routeStrays(route: unknown, upstreams: ReadonlySet<string>): string[] {
  return [
    ...list(at(route, 'match')).flatMap(matchStrays),
    ...list(at(route, 'handle')).flatMap((handler) => handlerStrays(handler, upstreams)),
  ];
}

const matchers =
  'host path path_regexp method header header_regexp query protocol remote_ip client_ip not'.split(' ');

function matchStrays(match: unknown): string[] {
  return [
    ...keysBeside(match, matchers).map((name) => `it matches by ${name}`),
    ...list(at(match, 'not')).flatMap(matchStrays),
  ];
}

/** Handlers that answer, change what is asked or answered, or go on within. */
const harmless = 'headers encode rewrite static_response request_body error'.split(' ');

function handlerStrays(handler: unknown, upstreams: ReadonlySet<string>): string[] {
  const name = String(at(handler, 'handler'));
  if (name === 'subroute')
    return [
      ...keysBeside(handler, ['handler', 'routes']).map((key) => `it sets ${key}`),
      ...list(at(handler, 'routes')).flatMap((route) => routeStrays(route, upstreams)),
    ];
  if (name === 'reverse_proxy') return proxyStrays(handler, upstreams);
  if (name === 'authentication')
    return keysBeside(at(handler, 'providers'), ['http_basic']).map((key) => `it asks ${key} who comes`);
  return harmless.includes(name) ? [] : [`it has the handler ${name}`];
}

function proxyStrays(handler: unknown, upstreams: ReadonlySet<string>): string[] {
  const transport = at(handler, 'transport');
  const { protocol = 'http', tls, ...speaks } = (transport ?? {}) as Json;
  const dials = list(at(handler, 'upstreams')).map((each) => String(at(each, 'dial')));
  const active = at(handler, 'health_checks', 'active');
  return [
    ...dials
      .filter((to) => !upstreams.has(to))
      .map((to) => `it leads to ${to}, which is not of this service`),
    ...present(handler, ['dynamic_upstreams', 'handle_response']),
    ...(protocol === 'http' ? [] : [`it speaks ${protocol}`]),
    ...present(speaks, ['forward_proxy_url', 'network_proxy', 'resolver', 'local_address', 'root', 'env']),
    ...present(tls, ['ca', 'root_ca_pem_files', 'client_certificate_file', 'client_certificate_key_file']),
    ...present(tls, ['client_certificate_automate', 'root_ca_pool']),
    ...present(active, ['upstream', 'follow_redirects']),
  ];
}

function present(value: unknown, keys: readonly string[]): string[] {
  return keys.flatMap((key) => (at(value, key) === undefined ? [] : [`it sets ${key}`]));
}

function subjectStrays(tls: unknown, hosts: readonly string[]): string[] {
  const policies = list(at(tls, 'automation', 'policies'));
  const subjects = policies.flatMap((policy) => list(at(policy, 'subjects')).map(String));
  const foreign = subjects.filter((name) => !hosts.includes(name));
  return foreign.map((name) => `it wants a certificate for ${name}, which is no host of this service`);
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}

function keysBeside(value: unknown, known: readonly string[]): string[] {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return keys.filter((key) => !known.includes(key));
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, key)
        ? (found as Json)[key]
        : undefined,
    value,
  );
}
