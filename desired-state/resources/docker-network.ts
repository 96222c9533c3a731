import { composeOrigin, type Inferred, type ServiceContext, stackOrigin } from '../context.ts';
import { networkRules } from '../policy/found-networks.ts';
import type { DesiredNetwork } from '../types.ts';

/** Networks that Docker brings along. */
const builtIn = ['bridge', 'host', 'none'];

/** Every network that a compose file calls external. Compose makes the others itself. */
export function serviceNetworks(context: ServiceContext): Inferred<DesiredNetwork> {
  const named = new Map([...written(context), ...resolved(context)]);
  const wanted = [...named].filter(([name]) => !builtIn.includes(name));
  return { resources: wanted.map(([name, key]) => make(context, key, name)), problems: [] };
}

/** Docker's name -> key in the compose file. */
function resolved(context: ServiceContext): [string, string][] {
  return Object.entries(context.project.networks ?? {}).flatMap(([key, network]) =>
    network.external === true ? [[network.name ?? key, key] as [string, string]] : [],
  );
}

/** Compose leaves out what no active container joins; the file names it all the same, and others may join. */
function written(context: ServiceContext): [string, string][] {
  return context.composeYaml.flatMap(({ value }) => {
    const networks = asRecord(asRecord(value).networks);
    return Object.entries(networks).flatMap(([key, network]) => {
      const { external, name = key } = asRecord(network);
      const isPlain = typeof name === 'string' && /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name);
      return external === true && isPlain ? [[name, key] as [string, string]] : [];
    });
  });
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
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
    ...waivedFor(context),
  };
}

/** What is there already is seen on the host alone, so the exceptions for it go there with the network. */
function waivedFor({ config, lab }: ServiceContext): Pick<DesiredNetwork, 'waived'> {
  const allowed = (config.policy?.allow ?? []).filter(({ container }) => container === undefined);
  const waived = networkRules.filter(
    (id) => (lab.severities[id] ?? 'error') !== 'error' || allowed.some(({ rule }) => rule === id),
  );
  return waived.length === 0 ? {} : { waived };
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
