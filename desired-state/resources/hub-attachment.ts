import { type Inferred, type ServiceContext, yamlOrigin } from '../context.ts';
import { networkName } from '../mounts.ts';
import { routeTarget } from '../routes.ts';
import type { DesiredAttachment, ResourceId } from '../types.ts';

/** The hub joins one network of every container that a route leads to. No compose file says so. */
export function serviceAttachments(context: ServiceContext): Inferred<DesiredAttachment> {
  const { hub } = context.lab;
  if (hub === null || hub.service === context.folder.name) return { resources: [], problems: [] };
  const networks = new Map<string, DesiredAttachment>();
  for (const [index, route] of context.config.routes.entries()) {
    const network = networkOf(context, route.to);
    if (network === null || networks.has(network)) continue;
    networks.set(network, attachment(context, hub, network, index));
  }
  return { resources: [...networks.values()], problems: [] };
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

/** Docker's name of the network on which this container is to be reached; null where it is none of this service. */
function networkOf(context: ServiceContext, to: string | undefined): string | null {
  if (to === undefined) return null;
  const target = routeTarget(to);
  const reached = Object.entries(context.project.services).flatMap(([name, service]) =>
    Object.entries(service.networks ?? {})
      // An alias is known on the network that it was given on; the other names on all of them.
      .filter(([, own]) =>
        [name, service.container_name, ...((own as Joined)?.aliases ?? [])].includes(target),
      )
      .map(([key]) => ({
        name: networkName(context.project, key),
        isExternal: context.project.networks[key]?.external === true,
      })),
  );
  const own = [context.folder.name, `${context.folder.name}_net`];
  const best = reached.find(({ name }) => own.includes(name)) ?? reached.find(({ isExternal }) => isExternal);
  return (best ?? reached[0])?.name ?? null;
}

type Joined = { aliases?: string[] } | null;
