import type { ProbeTarget } from '../../tools/caddy/probe.ts';
import { type Inferred, type ServiceContext, yamlOrigin } from '../context.ts';
import { describeHub } from '../hub/hub.ts';
import { type Site, snippetOf } from '../hub/snippet.ts';
import { upstreamOf } from '../reached.ts';
import { hostName } from '../routes.ts';
import type { DesiredRoute, ResourceId } from '../types.ts';

/** The sites of a service; the hub has its own Caddyfile besides, and what its service.yaml adds to it. */
export function serviceRoutes(context: ServiceContext): Inferred<DesiredRoute> {
  const { hub, domain } = context.lab;
  const { name } = context.folder;
  if (hub === null) return { resources: [], problems: [] };
  const sites = context.config.routes.map(
    (route): Site => ({
      host: hostName(route.host, domain),
      route,
      upstream: route.to === undefined ? null : upstreamOf(context, route.to),
    }),
  );
  const { hub: found } = describeHub(context);
  const own = sites.length === 0 ? [] : [routeOf(context, name, sites, hub.service)];
  if (found === null) return { resources: own, problems: [] };
  const stack: ResourceId = `compose-stack:${name}`;
  const origin = { file: `${context.folder.folder}/Caddyfile`, line: 1, column: 1 };
  const base: DesiredRoute = {
    ...{ kind: 'caddy-route', id: `caddy-route:${name}/Caddyfile`, name: `${name}/Caddyfile`, service: name },
    ...{ origin, needs: [stack], snippet: null, hosts: [], shown: [], probes: [] },
  };
  return { resources: [base, ...own], problems: [] };
}

function routeOf(context: ServiceContext, name: string, sites: Site[], hub: string): DesiredRoute {
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
  };
}

/** Some name that a wildcard stands for. */
function probeOf({ host, route: { path = '/', tls } }: Site): ProbeTarget {
  return { host: host.replace(/^\*/, 'steward-probe'), path, tls };
}

function shownSite({ host, route }: Site): string {
  const scheme = route.tls === 'off' ? 'http' : 'https';
  return `${scheme}://${host}${route.path ?? ''} → ${route.to ?? route.redirect ?? 'directives'}`;
}
