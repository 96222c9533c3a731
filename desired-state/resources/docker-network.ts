import { composeOrigin, type Inferred, type ServiceContext, stackOrigin } from '../context.ts';
import type { DesiredNetwork } from '../types.ts';

/** Networks that Docker brings along. */
const builtIn = ['bridge', 'host', 'none'];

/** Every network that a compose file calls external. Compose makes the others itself. */
export function serviceNetworks(context: ServiceContext): Inferred<DesiredNetwork> {
  const resources = Object.entries(context.project.networks ?? {}).flatMap(([key, network]) => {
    const name = network.name ?? key;
    if (network.external !== true || builtIn.includes(name)) return [];
    return [make(context, key, name)];
  });
  return { resources, problems: [] };
}

function make(context: ServiceContext, key: string, name: string): DesiredNetwork {
  return {
    kind: 'docker-network',
    id: `docker-network:${name}`,
    name,
    service: context.folder.name,
    origin: composeOrigin(context, ['networks', key]) ?? stackOrigin(context),
    needs: [],
    subnet: context.lab.subnets[name] ?? null,
  };
}

/**
 * One network for all services that name it. It belongs to the service that it is named after (`photo_net` to
 * photo), or else to the first by name; a suspended service owns one only where nobody else wants it.
 */
export function mergeNetworks(networks: DesiredNetwork[], suspended: ReadonlySet<string>): DesiredNetwork[] {
  const merged = new Map<string, DesiredNetwork>();
  for (const network of networks) {
    const other = merged.get(network.name);
    if (!other || claims(network, suspended) > claims(other, suspended)) merged.set(network.name, network);
  }
  return [...merged.values()];
}

function claims(network: DesiredNetwork, suspended: ReadonlySet<string>): number {
  const { service, name } = network;
  if (service === null || suspended.has(service)) return 0;
  return name === service || name === `${service}_net` || name === `${service}-net` ? 2 : 1;
}
