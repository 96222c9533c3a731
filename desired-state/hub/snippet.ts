import type { ServiceConfig } from '../schema/service.ts';

type Route = ServiceConfig['routes'][number];

/** A route with the whole name of its host. */
export interface Site {
  host: string;
  route: Route;
}

/**
 * The sites of one service as Caddy reads them (caddyserver.com/docs/caddyfile). Values are put in quotes; none of them
 * can leave its place. Routes of one host share a site, the longest path first.
 */
export function snippetOf(service: string, sites: readonly Site[]): string {
  const byAddress = Map.groupBy(sites, ({ host, route }) => (route.tls === 'off' ? `http://${host}` : host));
  const blocks = [...byAddress].map(([address, own]) =>
    block(address, siteLines(own.map(({ route }) => route))),
  );
  return [`# Made by Steward out of services/${service}/service.yaml: change it there.`, ...blocks, ''].join(
    '\n',
  );
}

function siteLines(routes: Route[]): string[] {
  const tls = routes.some((route) => route.tls === 'internal') ? ['tls internal'] : [];
  const sorted = [...routes].sort((a, b) => (b.path ?? '').length - (a.path ?? '').length);
  const [only] = sorted;
  if (sorted.length === 1 && only !== undefined && only.path === undefined)
    return [...tls, ...routeLines(only)];
  return [...tls, ...sorted.flatMap((route, index) => pathLines(route, index))];
}

/** `/api` is not `/apis`: the path itself, and what is below it. */
function pathLines(route: Route, index: number): string[] {
  if (route.path === undefined) return indentBlock('handle', routeLines(route));
  const name = `@path${index}`;
  const strip = route.stripPath === true ? [`uri strip_prefix ${route.path}`] : [];
  return [
    `${name} path ${route.path} ${route.path}/*`,
    ...indentBlock(`handle ${name}`, [...strip, ...routeLines(route)]),
  ];
}

function routeLines(route: Route): string[] {
  return [
    ...users(route.basicAuth ?? {}),
    ...Object.entries(route.headers ?? {}).map(([name, value]) => `header ${headerOf(name, value)}`),
    ...Object.entries(route.requestHeaders ?? {}).map(
      ([name, value]) => `request_header ${headerOf(name, value)}`,
    ),
    ...(route.caddy ?? '').split('\n').filter((text) => text.trim() !== ''),
    ...(route.redirect === undefined ? [] : [`redir ${route.redirect}{uri}`]),
    ...(route.to === undefined ? [] : [`reverse_proxy ${route.to}`]),
  ];
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
