import type { Named, ServiceModel } from '../../model.ts';
import { claimantsOf, contested } from '../home.ts';
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

/**
 * Where a network is called after a service, that one is at home there, on it or not. Where it is called after several
 * that are on it, nobody is: the name does not say who takes and who is taken from.
 */
function intruders(group: Member[], models: readonly ServiceModel[], hub: string | null): Found[] {
  const [first] = group;
  if (first === undefined) return [];
  const { name } = first.network;
  if (dockers.has(name)) return group.map(onDockers);
  const claimants = claimantsOf(name, models);
  const members = [...new Set(group.map(({ service }) => service))];
  if (new Set([...members, ...claimants.slice(0, 1)]).size < 2)
    return claimants.length === 0 && isNobodys(first.network, models) ? group.map(onNobodys) : [];
  return group
    .filter(({ service }) => service !== hub)
    .flatMap((member) => intruder(member, { claimants, members, hub }));
}

function intruder(
  { service, network }: Member,
  { claimants, members, hub }: { claimants: string[]; members: string[]; hub: string | null },
): Found[] {
  const [home = null] = claimants;
  const others = [...new Set([...members, ...claimants.slice(0, 1)])].filter((name) => name !== service);
  const isThere = home === null || members.includes(home);
  const message = isThere
    ? `${service} is on ${network.name} together with ${others.join(', ')}`
    : `${service} is on ${network.name}, which is the network of ${home}`;
  const dispute = contested(service, 'network', network.name, { claimants, members });
  const isDisputed = claimants.filter((name) => members.includes(name)).length > 1;
  if (service !== home || isDisputed) {
    const better = isDisputed && claimants.includes(service) ? { fix: renaming(claimants) } : {};
    return [found(service, network, message, { ...better, contested: dispute })];
  }
  const onlyAfter = others.filter((name) => name !== hub);
  return onlyAfter.length === 0
    ? []
    : [found(service, network, message, { contested: { ...dispute, onlyAfter } })];
}

function found(service: string, { name, origin }: Named, message: string, more: Partial<Broken> = {}): Found {
  return { service, container: null, origin, message, text: name, ...more };
}

function renaming(claimants: string[]): string {
  return `rename one of ${claimants.join(' and ')}, or give each a network that is called after it alone`;
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
  return found(service, network, `${service} is on ${network.name}, which nobody in this lab declares`);
}

/** Networks that Docker itself makes, by any name that they can be joined by. */
const dockers = new Map([
  ['bridge', "Docker's own bridge, with every container that names no network"],
  ['default', "Docker's own bridge, with every container that names no network"],
  ['host', 'the network of the host'],
  ['none', "Docker's own network none"],
]);

function onDockers({ service, network }: Member): Found {
  return found(service, network, `${service} is on ${dockers.get(network.name)}`);
}
