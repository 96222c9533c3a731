import type { Named, ServiceModel } from '../../model.ts';
import { homeOf } from '../home.ts';
import type { Broken, Rule } from '../types.ts';

interface Member {
  service: string;
  network: Named;
}

type Found = Broken & { service: string };

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

/** Where a network is called after a service, that one is at home there, on it or not. */
function intruders(group: Member[], models: readonly ServiceModel[], hub: string | null): Found[] {
  const [first] = group;
  if (first === undefined) return [];
  if (dockers.has(first.network.name)) return group.map(onDockers);
  const home = homeOf(first.network.name, models);
  const services = [...new Set([...group.map(({ service }) => service), ...(home === null ? [] : [home])])];
  if (services.length < 2)
    return home === null ? group.filter(({ network }) => isNobodys(network, models)).map(onNobodys) : [];
  return group
    .filter(({ service }) => service !== home && service !== hub)
    .map(({ service, network }) => {
      const others = services.filter((name) => name !== service).join(', ');
      const isThere = group.some((member) => member.service === home) || home === null;
      const message = isThere
        ? `${service} is on ${network.name} together with ${others}`
        : `${service} is on ${network.name}, which is the network of ${home}`;
      return { service, container: null, origin: network.origin, message, text: network.name };
    });
}

/** Joined by `network_mode`, which declares nothing: neither Steward nor compose makes it. */
function isNobodys({ name }: Named, models: readonly ServiceModel[]): boolean {
  return !models.some(({ resources }) =>
    resources.some(
      (each) =>
        (each.kind === 'docker-network' && each.name === name) ||
        (each.kind === 'compose-stack' && each.containers.some(({ networks }) => networks.includes(name))),
    ),
  );
}

function onNobodys({ service, network }: Member): Found {
  const message = `${service} is on ${network.name}, which nobody in this lab declares`;
  return { service, container: null, origin: network.origin, message, text: network.name };
}

/** Networks that Docker itself makes, by any name that they can be joined by. */
const dockers = new Map([
  ['bridge', "Docker's own bridge, with every container that names no network"],
  ['default', "Docker's own bridge, with every container that names no network"],
  ['host', 'the network of the host'],
  ['none', "Docker's own network none"],
]);

function onDockers({ service, network }: Member): Found {
  const message = `${service} is on ${dockers.get(network.name)}`;
  return { service, container: null, origin: network.origin, message, text: network.name };
}
