import type { Named, ServiceModel } from '../../model.ts';
import type { Broken, Rule } from '../types.ts';

interface Member {
  service: string;
  network: Named;
}

/** The hub is no spoke: it joins what has a route, and may be joined by nobody. */
export const sharedNetwork: Rule = {
  id: 'shared-network',
  severity: 'error',
  why: 'Services on one network reach every port of each other: whoever breaks into one of them is in the others.',
  fix: 'give each service a network of its own, and let them talk through the hub',
  across(models, hub) {
    const members = models.flatMap(({ name, networks }) =>
      networks.map((network): Member => ({ service: name, network })),
    );
    const groups = Map.groupBy(members, ({ network }) => network.name);
    return [...groups.values()].flatMap((group) => intruders(group, models, hub));
  },
};

/** Where a network is called after one of its members, that one is at home there. */
function intruders(group: Member[], models: readonly ServiceModel[], hub: string | null) {
  const services = [...new Set(group.map(({ service }) => service))];
  const [first] = group;
  if (services.length < 2 || first === undefined) return [];
  const home = services.find((name) => isCalledAfter(first.network.name, name));
  const known = new Set(models.map(({ name }) => name));
  return group
    .filter(({ service }) => service !== home && service !== hub && known.has(service))
    .map(({ service, network }): Broken & { service: string } => {
      const others = services.filter((name) => name !== service).join(', ');
      const message = `${service} is on ${network.name} together with ${others}`;
      return { service, container: null, origin: network.origin, message, text: network.name };
    });
}

function isCalledAfter(network: string, service: string): boolean {
  return network === service || network.startsWith(`${service}_`) || network.startsWith(`${service}-`);
}
