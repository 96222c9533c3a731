import { type Inferred, type ServiceContext, yamlOrigin } from '../context.ts';
import { directivesOf } from '../hub/raw.ts';
import { upstreamOf } from '../reached.ts';
import type { DesiredAttachment, ResourceId } from '../types.ts';

/** The hub joins one network of every container that a route leads to. No compose file says so. */
export function serviceAttachments(context: ServiceContext): Inferred<DesiredAttachment> {
  const { hub } = context.lab;
  if (hub === null || hub.service === context.folder.name) return { resources: [], problems: [] };
  const networks = new Map<string, DesiredAttachment>();
  for (const [index, route] of context.config.routes.entries()) {
    const upstreams = [...(route.to === undefined ? [] : [route.to]), ...rawUpstreams(context, index)];
    for (const network of upstreams.flatMap((to) => upstreamOf(context, to)?.network ?? []))
      if (!networks.has(network)) networks.set(network, attachment(context, hub, network, index));
  }
  return { resources: [...networks.values()], problems: [] };
}

function rawUpstreams(context: ServiceContext, index: number): string[] {
  return directivesOf(context, index)?.upstreams ?? [];
}

function attachment(
  context: ServiceContext,
  hub: { service: string; container: string },
  network: string,
  index: number,
): DesiredAttachment {
  const stack: ResourceId = `compose-stack:${hub.service}`;
  const declared: ResourceId = `docker-network:${network}`;
  const isDeclared = context.earlier.some(({ id }) => id === declared);
  // What compose makes is there once the service's own stack is.
  const own: ResourceId = isDeclared ? declared : `compose-stack:${context.folder.name}`;
  return {
    kind: 'hub-attachment',
    id: `hub-attachment:${network}`,
    name: network,
    service: context.folder.name,
    origin: yamlOrigin(context, ['routes', index, 'to']),
    needs: [own, stack],
    hub: { stack, container: hub.container },
  };
}
