import type { ResolvedService } from './compose/types.ts';
import { nearComposeOrigin, type ServiceContext } from './context.ts';
import type { Named } from './model.ts';
import { isNetwork, networkName } from './mounts.ts';
import { routeTarget } from './routes.ts';

/**
 * Names that Docker's DNS knows a container by. A container on several networks, as the hub is, gets an answer out of
 * any of them for a bare name, and out of one for `<name>.<network>` (moby, libnetwork/sandbox.go, ResolveName).
 */

/** A name that a container answers to on one network. */
export interface Answered extends Named {
  network: string;
}

/** All of them: of Docker (daemon/container_operations.go, buildEndpointDNSNames), of compose, and of the person. */
export function answeredNames(context: ServiceContext): Answered[] {
  return Object.entries(context.project.services).flatMap(([key, service]) =>
    networksOf(context, service).flatMap(({ network, key: called, aliases }) => {
      const place = ['services', key];
      const at = (name: string, ...path: string[]): Answered => ({
        name,
        network,
        origin: nearComposeOrigin(context, [...place, ...path]),
      });
      const own = service.container_name;
      return [
        at(key),
        own === undefined ? at(`${context.project.name}-${key}-1`) : at(own, 'container_name'),
        ...(typeof service.hostname === 'string' ? [at(service.hostname, 'hostname')] : []),
        ...aliases.map((alias) => at(alias, 'networks', called, 'aliases')),
      ];
    }),
  );
}

/** By Docker's names, and also what `network_mode` joins by its name. */
function networksOf({ project }: ServiceContext, service: ResolvedService) {
  const { network_mode: mode = '' } = service;
  if (mode !== '') return isNetwork(mode) ? [{ network: mode, key: mode, aliases: [] }] : [];
  return joined(service).map(({ network, aliases }) => ({
    network: networkName(project, network),
    key: network,
    aliases,
  }));
}

interface Joined {
  /** As the compose file calls it. */
  network: string;
  aliases: string[];
}

function joined({ networks = {} }: ResolvedService): Joined[] {
  return Object.entries(networks as Record<string, { aliases?: string[] } | null>).map(([network, own]) => ({
    network,
    aliases: own?.aliases ?? [],
  }));
}

/** A container of this service as the hub reaches it. */
export interface Upstream {
  /** Docker's name of the network that the hub is to be on. */
  network: string;
  /** Of the container there. */
  name: string;
}

/** Null where a route leads to no container of this service on any network. */
export function upstreamOf(context: ServiceContext, to: string): Upstream | null {
  const target = routeTarget(to);
  const services = Object.entries(context.project.services);
  const reached = services.flatMap(([key, service]) =>
    joined(service)
      // An alias is known on the network that it was given on; the other names on all of them.
      .filter(({ aliases }) => [key, service.container_name, ...aliases].includes(target))
      .map(({ network }) => ({ key, network })),
  );
  const network = bestOf(context, [...new Set(reached.map((each) => each.network))]);
  if (network === null) return null;
  // Several that share a name share the requests; of a single one, its own name is Docker's to give once.
  const [only, ...others] = reached.filter((each) => each.network === network);
  const own = others.length === 0 ? context.project.services[only?.key ?? '']?.container_name : undefined;
  return { network: networkName(context.project, network), name: own ?? target };
}

/** One that is called like the service, one of its own before one that compose makes. */
function bestOf({ folder, project }: ServiceContext, keys: string[]): string | null {
  const called = [folder.name, `${folder.name}_net`];
  return (
    keys.find((key) => called.includes(networkName(project, key))) ??
    keys.find((key) => project.networks[key]?.external === true) ??
    keys[0] ??
    null
  );
}
