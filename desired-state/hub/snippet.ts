import type { Upstream } from '../reached.ts';
import { dialled, routeTarget } from '../routes.ts';
import type { ServiceConfig } from '../schema/service.ts';

type Route = ServiceConfig['routes'][number];

/** A route with the whole name of its host. */
export interface Site {
  host: string;
  route: Route;
  /** What `to` is to Docker's DNS; null where it is no container of the service. */
  upstream: Upstream | null;
  /** Lines of its directives. */
  directives: readonly string[];
}

/**
 * The sites of one service as Caddy reads them (caddyserver.com/docs/caddyfile). Values are put in quotes; none of them
 * can leave its place. Routes of one host share a site, the longest path first.
 */
export function snippetOf(service: string, sites: readonly Site[]): string {
  const byAddress = Map.groupBy(sites, ({ host, route }) => (route.tls === 'off' ? `http://${host}` : host));
  const blocks = [...byAddress].map(([address, own]) => block(address, siteLines(own)));
  return [`# Made by Steward out of services/${service}/service.yaml: change it there.`, ...blocks, ''].join(
    '\n',
  );
}

function siteLines(sites: Site[]): string[] {
  const tls = sites.some(({ route }) => route.tls === 'internal') ? ['tls internal'] : [];
  const sorted = [...sites].sort((a, b) => (b.route.path ?? '').length - (a.route.path ?? '').length);
  const [only] = sorted;
  if (sorted.length === 1 && only !== undefined && only.route.path === undefined)
    return [...tls, ...routeLines(only)];
  return [...tls, ...sorted.flatMap((site, index) => pathLines(site, index))];
}

/** `/api` is not `/apis`: the path itself, and what is below it. */
function pathLines(site: Site, index: number): string[] {
  const { path, stripPath } = site.route;
  if (path === undefined) return indentBlock('handle', routeLines(site));
  const name = `@path${index}`;
  const strip = stripPath === true ? [`uri strip_prefix ${path}`] : [];
  return [
    `${name} path ${path} ${path}/*`,
    ...indentBlock(`handle ${name}`, [...strip, ...routeLines(site)]),
  ];
}

/**
 * Caddy sends a request on (`redir`) before it asks who comes; in `route` it keeps the order that is written, and in
 * `handle` its own (httpcaddyfile/directives.go, directiveOrder).
 */
function routeLines(site: Site): string[] {
  const auth = users(site.route.basicAuth ?? {});
  const headers = answerHeaders(site.route.headers ?? {});
  if (auth.length === 0) return [...headers, ...answerLines(site)];
  return indentBlock('route', [...headers, ...auth, ...indentBlock('handle', answerLines(site))]);
}

function answerLines({ route, upstream, directives }: Site): string[] {
  return [
    ...Object.entries(route.requestHeaders ?? {}).map(
      ([name, value]) => `request_header ${headerOf(name, value)}`,
    ),
    ...directives,
    ...(route.redirect === undefined ? [] : [`redir ${route.redirect}{uri}`]),
    ...(route.to === undefined ? [] : proxyLines(route, route.to, upstream)),
  ];
}

/**
 * Set twice: deferred, when the answer goes out, in the place of what the container has set; and at once, since what Caddy
 * says itself (401, 502) never comes to that.
 */
function answerHeaders(headers: Record<string, string>): string[] {
  const lines = Object.entries(headers).map(([name, value]) => headerOf(name, value));
  const set = lines.filter((line) => !line.startsWith('-'));
  return [
    ...(set.length === 0 ? [] : indentBlock('header', set)),
    ...(lines.length === 0 ? [] : indentBlock('header', [...lines, 'defer'])),
  ];
}

/** The certificate of a container is one for the name that a person knows it by. */
function proxyLines({ streamCloseDelay }: Route, to: string, upstream: Upstream | null): string[] {
  const proxy = `reverse_proxy ${upstream === null ? to : dialled(to, upstream)}`;
  const named = upstream !== null && to.startsWith('https://');
  const lines = [
    ...(streamCloseDelay === undefined ? [] : [`stream_close_delay ${streamCloseDelay}`]),
    ...(named ? indentBlock('transport http', [`tls_server_name ${routeTarget(to)}`]) : []),
  ];
  return lines.length === 0 ? [proxy] : indentBlock(proxy, lines);
}

function users(hashes: Record<string, string>): string[] {
  const lines = Object.entries(hashes).map(([user, hash]) => `${user} ${quoted(hash)}`);
  return lines.length === 0 ? [] : indentBlock('basicauth', lines);
}

function headerOf(name: string, value: string): string {
  return name.startsWith('-') ? name : `${name} ${quoted(value)}`;
}

/** The values have no backslash: Caddy could not tell one at the end from one that belongs to the quote. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}

function block(head: string, lines: string[]): string {
  return indentBlock(head, lines).join('\n');
}

function indentBlock(head: string, lines: string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `\t${line}`), '}'];
}
