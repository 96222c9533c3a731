import { nearComposeOrigin, type ServiceContext } from '../../context.ts';
import { networkName } from '../../mounts.ts';
import { eachContainer } from '../containers.ts';
import type { Broken, Rule } from '../types.ts';

export const networkDriver: Rule = {
  id: 'network-driver',
  severity: 'error',
  why: 'With another driver, an interface or addresses of its own choice a network can be the LAN itself: past the hub, or in the place of another machine.',
  fix: 'declare the network with external: true, and its addresses in lab.yaml where it needs certain ones',
  check: (context) => [
    ...Object.keys(context.project.networks ?? {}).flatMap((key) => ofNetwork(context, key)),
    ...eachContainer(context, ({ networks }, name) =>
      Object.entries(networks ?? {}).flatMap(([key, joined]) =>
        chosen((joined as Network | null)?.driver_opts).map((option) => ({
          at: ['networks', key, 'driver_opts', option],
          message: `${name} joins ${networkName(context.project, key)} with ${option}`,
          text: option,
        })),
      ),
    ),
  ],
};

type Network = Record<string, unknown>;

/** What compose does not make has what it was made with. */
function ofNetwork(context: ServiceContext, key: string): Broken[] {
  const network: Network = context.project.networks[key] ?? {};
  if (network.external === true) return [];
  const { driver, driver_opts: options, ipam } = network;
  const { driver: giver, config, options: more } = (ipam ?? {}) as Network;
  const name = networkName(context.project, key);
  const found: [at: string[], message: string][] = [
    ...(isOther(driver, 'bridge') ? [[['driver'], `is made by the driver ${driver}`]] : []),
    ...chosen(options).map((option) => [['driver_opts', option], `is made with ${option}`]),
    ...(isOther(giver, 'default') ? [[['ipam', 'driver'], `has addresses from ${giver}`]] : []),
    ...(hasAny(more) ? [[['ipam', 'options'], 'has options for its addresses']] : []),
    ...(hasAny(config) ? [[['ipam', 'config'], 'chooses its addresses itself']] : []),
  ] as [string[], string][];
  return found.map(([at, what]) => ({
    container: null,
    origin: nearComposeOrigin(context, ['networks', key, ...at]),
    message: `the network ${name} ${what}`,
  }));
}

function isOther(value: unknown, usual: string): boolean {
  return typeof value === 'string' && value !== '' && value !== usual;
}

/** They make a network narrower, or its packets smaller. */
const harmless = /^com\.docker\.network\.(driver\.mtu|bridge\.enable_(icc|ip_masquerade))$/;

function chosen(options: unknown): string[] {
  return Object.keys((options as object | null | undefined) ?? {}).filter((name) => !harmless.test(name));
}

function hasAny(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}
