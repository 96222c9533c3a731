import { routeProblems } from './check-routes.ts';
import { dependencyCycles } from './cycles.ts';
import { isBelow } from './files.ts';
import type { LabFile } from './lab.ts';
import type { HostPort, ServiceModel } from './model.ts';
import { errorAt, place, warningAt } from './problems.ts';
import { parseCidr, poolCapacity } from './schema/cidr.ts';
import { nearest, quote } from './schema/explain.ts';
import type { DesiredResource, Problem } from './types.ts';

/**
 * Rules across services. `names` holds every folder that calls itself a service, also those that could not be
 * read, so that one mistake is not reported at a second place.
 */
export function checkServices(
  models: readonly ServiceModel[],
  names: readonly string[],
  lab: LabFile,
): Problem[] {
  return [
    ...portClashes(models),
    ...containerClashes(models),
    ...routeProblems(models, names, lab),
    ...dependencyProblems(models, names),
    ...mountProblems(models, names, lab),
    ...hubProblems(models, names, lab),
  ];
}

interface Taken extends HostPort {
  service: string;
}

/** Grouped by port, so that thousands of services cost no more than their ports. */
function portClashes(models: readonly ServiceModel[]): Problem[] {
  const taken = new Map<string, Taken[]>();
  const problems: Problem[] = [];
  for (const model of models) {
    for (const port of model.ports) {
      const own: Taken = { ...port, service: model.name };
      const clash = clashOf(taken, own);
      if (clash) problems.push(portClash(own, clash));
    }
  }
  return problems;
}

function clashOf(taken: Map<string, Taken[]>, port: Taken): Taken | undefined {
  let clash: Taken | undefined;
  for (let number = port.first; number <= port.last; number += 1) {
    const key = `${number}/${port.protocol}`;
    const holders = taken.get(key) ?? [];
    clash ??= holders.find((holder) => differs(holder, port) && sameAddress(holder.address, port.address));
    holders.push(port);
    taken.set(key, holders);
  }
  return clash;
}

function differs(a: Taken, b: Taken): boolean {
  return a.service !== b.service || a.container !== b.container;
}

function sameAddress(a: string, b: string): boolean {
  return a === b || a === '0.0.0.0' || b === '0.0.0.0';
}

function portClash(port: Taken, other: Taken): Problem {
  const number = `${port.first}${port.last === port.first ? '' : `-${port.last}`}/${port.protocol}`;
  const message = `host port ${number} is taken by ${other.service}/${other.container} at ${place(other.origin)}`;
  return errorAt(port.origin, message, 'publish another port, or none and use a route', number);
}

function containerClashes(models: readonly ServiceModel[]): Problem[] {
  const taken = new Map<string, { service: string; at: string }>();
  return models.flatMap((model) =>
    model.containers.flatMap(({ name, origin }) => {
      const other = taken.get(name);
      if (!other) taken.set(name, { service: model.name, at: place(origin) });
      if (!other) return [];
      const message = `the container name ${quote(name)} is taken by ${other.service} at ${other.at}`;
      return [errorAt(origin, message, 'choose another container_name', name)];
    }),
  );
}

function dependencyProblems(models: readonly ServiceModel[], names: readonly string[]): Problem[] {
  const known = new Set(names);
  const dangling = models.flatMap((model) =>
    model.dependsOn
      .filter(({ name }) => !known.has(name))
      .map(({ name, origin }) => {
        const near = nearest(name, names);
        const fix = near === undefined ? 'remove it' : `write ${near}`;
        return errorAt(origin, `there is no service ${quote(name)}`, fix, name);
      }),
  );
  const cycles = dependencyCycles(
    new Map(models.map((model) => [model.name, model.dependsOn.map(({ name }) => name)])),
  );
  return [...dangling, ...cycles.flatMap((cycle) => cycleProblem(models, cycle))];
}

function cycleProblem(models: readonly ServiceModel[], cycle: string[]): Problem[] {
  const [first, second] = cycle;
  const edge = models.find(({ name }) => name === first)?.dependsOn.find(({ name }) => name === second);
  if (!edge) return [];
  const message = `services wait for each other: ${cycle.join(' → ')}`;
  return [errorAt(edge.origin, message, `remove ${second} from dependsOn of ${first}`, edge.name)];
}

function mountProblems(models: readonly ServiceModel[], names: readonly string[], lab: LabFile): Problem[] {
  if (!lab.storageKnown || lab.lab.storage === undefined) return [];
  const { mountpoint } = lab.lab.storage;
  const known = new Set(names);
  return models.flatMap((model) =>
    model.foreignMounts
      .filter(({ name }) => !known.has(ownerOfPath(name, mountpoint)))
      .map(({ name, origin }) => {
        const near = nearest(ownerOfPath(name, mountpoint), names);
        const message = `${name} lies in no service's dataset, so it would be written to the parent dataset`;
        const fix = `use ${mountpoint}/${near ?? model.name}/…`;
        return warningAt(origin, message, fix, name);
      }),
  );
}

/** The service whose dataset a path below the storage's mountpoint is in. */
export function ownerOfPath(file: string, mountpoint: string): string {
  return isBelow(file, mountpoint) ? (file.slice(mountpoint.length + 1).split('/', 1)[0] ?? '') : '';
}

function hubProblems(
  models: readonly ServiceModel[],
  names: readonly string[],
  { lab, yaml }: LabFile,
): Problem[] {
  const { hub } = lab;
  if (!hub) return [];
  if (!names.includes(hub.service)) {
    const near = nearest(hub.service, names);
    const fix = near === undefined ? `add services/${hub.service}, or remove hub` : `write ${near}`;
    return [
      errorAt(yaml.at(['hub', 'service']), `there is no service ${quote(hub.service)}`, fix, hub.service),
    ];
  }
  const model = models.find(({ name }) => name === hub.service);
  const containers = model?.containers.map(({ name }) => name) ?? [hub.container];
  if (containers.includes(hub.container)) return [];
  const fix = `write ${nearest(hub.container, containers) ?? `one of ${containers.join(', ')}`}`;
  const message = `the service ${hub.service} has no container ${quote(hub.container)}`;
  return [errorAt(yaml.at(['hub', 'container']), message, fix, hub.container)];
}

/** Networks that get their subnet out of the pool must fit into it. */
export function checkPool(resources: readonly DesiredResource[], { lab, yaml }: LabFile): Problem[] {
  const pool = parseCidr(lab.networks.pool);
  const wanted = resources.filter(
    (resource) => resource.kind === 'docker-network' && resource.subnet === null,
  ).length;
  const room = pool ? poolCapacity(pool, lab.networks.prefix) : 0;
  if (!pool || wanted <= room) return [];
  const bits = Math.min(29, pool.prefix + Math.ceil(Math.log2(wanted)));
  const message = `${wanted} networks need a subnet, and ${lab.networks.pool} holds ${room} of prefix ${lab.networks.prefix}`;
  const at = yaml.find(['networks', 'prefix']) ?? yaml.at(['networks']);
  return [errorAt(at, message, `write prefix: ${bits}, or a larger pool`)];
}

/** Two resources of one id would fight over it. */
export function checkUnique(resources: readonly DesiredResource[]): Problem[] {
  const seen = new Map<string, DesiredResource>();
  return resources.flatMap((resource) => {
    const other = seen.get(resource.id);
    seen.set(resource.id, other ?? resource);
    if (!other) return [];
    return [
      errorAt(
        resource.origin,
        `${resource.kind} ${resource.name} is also declared at ${place(other.origin)}`,
        'keep one',
      ),
    ];
  });
}
