import { StepError } from '../reconciler/apply/types.ts';
import type { ComposeUp, Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import { statusOf } from './container-status.ts';
import {
  countRecreation,
  createContainer,
  removeContainer,
  restartContainer,
  startContainer,
  stopContainer,
  tellToStop,
} from './containers.ts';
import { checkDocker, checkGuards } from './guards.ts';
import { addNetworkOfDefaultPool } from './networks.ts';
import type { SimulatedService } from './services.ts';
import type { SimulatedContainer, World } from './world.ts';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;
const projectLabel = 'com.docker.compose.project';

/** `docker compose up -d SERVICES`: what is as it should be is not touched, and only what is listed is forced. */
export function composeUp(world: World, step: ComposeUp, services: SimulatedService[]): Action[] {
  checkDocker(world);
  checkGuards(world, step.guards);
  const listed = new Set(chosen(services, step.services));
  const all = withDependencies(services, listed);
  return [
    ...networkActions(world, step.stack.project, all),
    ...all.flatMap((service) => {
      const force = step.forceRecreate && listed.has(service);
      return serviceActions(world, step.stack.project, service, force);
    }),
  ];
}

function chosen(services: SimulatedService[], names: string[]): SimulatedService[] {
  const unknown = names.find((name) => !services.some((service) => service.name === name));
  if (unknown !== undefined) throw new StepError(`no such service: ${unknown}`, { retryable: false });
  return names.length === 0 ? services : services.filter((service) => names.includes(service.name));
}

/** Dependencies first, as compose starts them. */
function withDependencies(services: SimulatedService[], listed: Set<SimulatedService>): SimulatedService[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const seen = new Set<SimulatedService>();
  const sorted: SimulatedService[] = [];
  const visit = (service: SimulatedService): void => {
    if (seen.has(service)) return;
    seen.add(service);
    for (const name of service.dependsOn ?? []) {
      const dependency = byName.get(name);
      if (dependency !== undefined) visit(dependency);
    }
    sorted.push(service);
  };
  for (const service of listed) visit(service);
  return sorted;
}

/** As compose does, every network is looked for before any container is touched. */
function networkActions(world: World, project: string, services: SimulatedService[]): Action[] {
  const wanted = new Map(services.flatMap((service) => service.networks).map((item) => [item.name, item]));
  const missing = [...wanted.values()].filter((network) => !world.networks.has(network.name));
  const external = missing.find((network) => network.external);
  if (external !== undefined) {
    throw new StepError(`network ${external.name} declared as external, but could not be found`);
  }
  return missing.map(
    ({ name, internal = false }) =>
      () =>
        addNetworkOfDefaultPool(world, name, { [projectLabel]: project }, internal),
  );
}

function serviceActions(world: World, project: string, service: SimulatedService, force: boolean): Action[] {
  const existing = containersOf(world, project, service.name);
  const surplus = existing.slice(service.replicas);
  const actions: Action[] = surplus.map((container) => () => removeContainer(world, container.id));
  const names = containerNames(project, service, existing.slice(0, service.replicas));
  for (const [at, name] of names.entries()) {
    const container = existing[at];
    if (container === undefined) actions.push(...creation(world, project, service, name));
    else if (force || diverges(container, service)) {
      actions.push(...recreation(world, container, project, service));
    } else if (mustStart(world, container)) actions.push(() => startContainer(world, container.id));
  }
  return actions;
}

function diverges(container: SimulatedContainer, service: SimulatedService): boolean {
  return container.configHash !== service.hash || container.filesDigest !== service.filesDigest;
}

/** Compose starts whatever does not run, a one-shot that is done included: only listing it brings it here. */
function mustStart(world: World, container: SimulatedContainer): boolean {
  const { state } = statusOf(world, container);
  return state === 'created' || state === 'exited';
}

function creation(world: World, project: string, service: SimulatedService, name: string): Action[] {
  return [
    () => createContainer(world, { project, service, name }),
    () => startContainer(world, world.index.containerNames.get(name) ?? ''),
  ];
}

function recreation(
  world: World,
  old: SimulatedContainer,
  project: string,
  service: SimulatedService,
): Action[] {
  const name = service.containerName ?? old.name;
  return [
    () => tellToStop(world, old.id, 143),
    () => stopContainer(world, old.id, 143),
    () => removeContainer(world, old.id),
    () => {
      createContainer(world, { project, service, name });
      countRecreation(world, name);
    },
    () => startContainer(world, world.index.containerNames.get(name) ?? ''),
  ];
}

/** Names of the replicas: those that exist keep theirs, new ones take the lowest free number. */
function containerNames(
  project: string,
  service: SimulatedService,
  existing: SimulatedContainer[],
): string[] {
  const names = existing.map((container) => container.name);
  if (names.length < service.replicas && service.containerName !== null)
    return [...names, service.containerName];
  for (let number = 1; names.length < service.replicas; number += 1) {
    const name = `${project}-${service.name}-${number}`;
    if (!names.includes(name)) names.push(name);
  }
  return names;
}

/** Without one-off containers of `compose run`; in order of their names. */
export function containersOf(world: World, project: string, service?: string): SimulatedContainer[] {
  const ids = [...(world.index.projects.get(project) ?? [])];
  const containers = ids.flatMap((id) => world.containers.get(id) ?? []);
  return containers
    .filter((container) => !container.oneOff && (service === undefined || container.service === service))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function composeRestart(world: World, step: StepOf<'compose-restart'>): Action[] {
  checkDocker(world);
  checkGuards(world, step.guards);
  const all = containersOf(world, step.stack.project);
  const listed = all.filter(
    ({ service }) => step.services.length === 0 || step.services.includes(service ?? ''),
  );
  return listed.map((container) => () => restartContainer(world, container.id));
}

/** Containers, then the networks that compose made itself; external ones stay. */
export function composeDown(world: World, step: StepOf<'compose-down'>): Action[] {
  checkDocker(world);
  const containers = [...(world.index.projects.get(step.project) ?? [])].flatMap(
    (id) => world.containers.get(id) ?? [],
  );
  const networks = new Set(containers.flatMap((container) => Object.keys(container.networks)));
  const own = [...networks].filter((name) => world.networks.get(name)?.labels[projectLabel] === step.project);
  return [
    ...containers.map((container) => () => removeContainer(world, container.id)),
    ...own.map((name) => () => world.networks.delete(name)),
  ];
}

export function removeContainerStep(world: World, step: StepOf<'container-remove'>): Action[] {
  checkDocker(world);
  return [() => removeContainer(world, step.id)];
}
