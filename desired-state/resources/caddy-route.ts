import type { RouteBounds } from '../../tools/caddy/bounds.ts';
import type { ProbeTarget } from '../../tools/caddy/probe.ts';
import { type Inferred, type ServiceContext, yamlOrigin } from '../context.ts';
import type { Judged } from '../hub/directives.ts';
import { describeHub } from '../hub/hub.ts';
import { directiveProblems, directivesOf } from '../hub/raw.ts';
import { type Site, snippetOf } from '../hub/snippet.ts';
import { errorAt } from '../problems.ts';
import { upstreamOf } from '../reached.ts';
import { addressOf, dialled, hostName, routeTarget } from '../routes.ts';
import type { DesiredRoute, Problem, ResourceId } from '../types.ts';

/** The sites of a service; the hub has its own Caddyfile besides, and what its service.yaml adds to it. */
export function serviceRoutes(context: ServiceContext): Inferred<DesiredRoute> {
  const { hub } = context.lab;
  const { name } = context.folder;
  const problems = [...directiveProblems(context), ...probeProblems(context)];
  if (hub === null) return { resources: [], problems };
  const { hub: found } = describeHub(context);
  const own = context.config.routes.length === 0 ? [] : [routeOf(context, name, hub.service)];
  if (found === null) return { resources: own, problems };
  const stack: ResourceId = `compose-stack:${name}`;
  const origin = { file: `${context.folder.folder}/Caddyfile`, line: 1, column: 1 };
  const base: DesiredRoute = {
    ...{ kind: 'caddy-route', id: `caddy-route:${name}/Caddyfile`, name: `${name}/Caddyfile`, service: name },
    ...{
      origin,
      needs: [stack],
      snippet: null,
      hosts: [],
      shown: [],
      probes: [],
      bounds: null,
      addresses: [],
    },
  };
  return { resources: [base, ...own], problems };
}

function routeOf(context: ServiceContext, name: string, hub: string): DesiredRoute {
  const judged = context.config.routes.map((_route, index) => directivesOf(context, index));
  const sites = context.config.routes.map(
    (route, index): Site => ({
      host: hostName(route.host, context.lab.domain),
      route,
      upstream: route.to === undefined ? null : upstreamOf(context, route.to),
      directives: judged[index]?.lines ?? [],
    }),
  );
  const attachments = context.earlier.filter(({ kind }) => kind === 'hub-attachment').map(({ id }) => id);
  const stacks: ResourceId[] = [`compose-stack:${hub}`, `compose-stack:${name}`];
  return {
    kind: 'caddy-route',
    id: `caddy-route:${name}`,
    name,
    service: name,
    origin: yamlOrigin(context, ['routes']),
    needs: [...new Set([...stacks, ...attachments])],
    snippet: snippetOf(name, sites),
    hosts: [...new Set(sites.map(({ host }) => host))].sort(),
    shown: sites.map(shownSite),
    probes: sites.map(probeOf),
    bounds: boundsOf(context, sites, judged),
    addresses: sites.flatMap(({ route }) => addressOf(routeTarget(route.to ?? '')) ?? []),
  };
}

/** Where lab.yaml permits more than is harmless, nobody can say what it may reach; whose hosts are its own is known. */
function boundsOf(context: ServiceContext, sites: Site[], judged: (Judged | null)[]): RouteBounds | null {
  const own = judged.filter((each) => each !== null);
  if (own.length === 0) return null;
  const hosts = [...new Set(sites.map(({ host }) => host))];
  if (own.some(({ isTrusted }) => isTrusted)) return { hosts, upstreams: null };
  const written = [...sites.flatMap(({ route }) => route.to ?? []), ...own.flatMap((each) => each.upstreams)];
  const upstreams = written.map((to) => {
    const upstream = upstreamOf(context, to);
    return (upstream === null ? to : dialled(to, upstream)).replace(/^[a-z0-9]+:\/\//, '');
  });
  return { hosts, upstreams: [...new Set(upstreams)] };
}

/** Elsewhere another route would answer, or none. */
function probeProblems(context: ServiceContext): Problem[] {
  return context.config.routes.flatMap(({ path, probe }, index) => {
    const asked = probe?.path;
    if (asked === undefined || path === undefined || isAtOrBelow(asked, path)) return [];
    const origin = yamlOrigin(context, ['routes', index, 'probe', 'path']);
    return [errorAt(origin, `${asked} is not at or below ${path}`, `write e.g. ${path}${asked}`, asked)];
  });
}

function isAtOrBelow(asked: string, path: string): boolean {
  return asked === path || asked.startsWith(`${path}/`) || asked.startsWith(`${path}?`);
}

/** Some name that a wildcard stands for. */
function probeOf({ host, route: { path = '/', tls, probe, basicAuth = {} }, directives }: Site): ProbeTarget {
  const name = host.replace(/^\*/, 'steward-probe');
  const { path: asked, expect } = probe ?? {};
  const asksPassword =
    Object.keys(basicAuth).length > 0 || directives.some((line) => /^\s*basic_?auth\b/.test(line));
  return {
    ...{ host: name, path, tls, ...(asked && { asked }), ...(expect && { expect }) },
    ...(asksPassword && { asksPassword }),
  };
}

function shownSite({ host, route }: Site): string {
  const scheme = route.tls === 'off' ? 'http' : 'https';
  return `${scheme}://${host}${route.path ?? ''} → ${route.to ?? route.redirect ?? 'directives'}`;
}
