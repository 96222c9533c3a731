import fc from 'fast-check';
import type {
  DesiredContainer,
  DesiredDirectory,
  DesiredResource,
  DesiredStack,
  DesiredState,
} from '../../desired-state/types.ts';
import type { Step } from '../../reconciler/types.ts';
import type { Drift } from '../../simulator/drift.ts';
import type { SimulatedHost } from '../../simulator/host.ts';
import { digestValue } from '../../tools/digest.ts';
import { driftsOf } from './arbitrary-drifts.ts';
import {
  attachment,
  container,
  dataset,
  desired,
  directory,
  dnsServer,
  network,
  record,
  route,
  stack,
} from './build.ts';

/**
 * Random labs and random hosts, consistent in themselves: every container's network, bind mount and dataset is
 * declared, and two labs out of the same arbitrary differ as two commits do (same names, other contents).
 */

const parent = 'datapool/services';
const serviceNames = ['central_hub', 'git', 'monitoring', 'photo', 'remote_access', 'wiki'];
const sharedGroup = 'labdata';

interface ServiceShape {
  name: string;
  hasChild: boolean;
  properties: Record<string, string>;
  directories: { name: string; uid: number; shared: boolean; enforceMode: boolean }[];
  hasNetwork: boolean;
  suspend: boolean;
  /** The hub joins its network, where there is a hub. */
  isRouted: boolean;
  containers: ContainerShape[];
}

interface ContainerShape {
  name: string;
  tag: number;
  replicas: number;
  hasHealthcheck: boolean;
  oneShot: boolean;
  fixedName: boolean;
}

const propertySets = fc.record(
  {
    recordsize: fc.constantFrom('16384', '1048576'),
    compression: fc.constantFrom('zstd', 'lz4'),
    quota: fc.constantFrom('1073741824', '536870912000'),
    'lab:tier': fc.constantFrom('gold', 'clay'),
  },
  { requiredKeys: [] },
);

const containerShapes: fc.Arbitrary<ContainerShape> = fc.record({
  name: fc.constantFrom('server', 'database', 'worker'),
  tag: fc.integer({ min: 1, max: 3 }),
  replicas: fc.constantFrom(1, 1, 1, 2),
  hasHealthcheck: fc.boolean(),
  oneShot: fc.constantFrom(false, false, false, true),
  fixedName: fc.boolean(),
});

const serviceShapes: fc.Arbitrary<ServiceShape> = fc.record({
  name: fc.constantFrom(...serviceNames),
  hasChild: fc.boolean(),
  properties: propertySets,
  directories: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('data', 'library', 'config/deep'),
      uid: fc.constantFrom(0, 999, 1000),
      shared: fc.boolean(),
      enforceMode: fc.boolean(),
    }),
    { maxLength: 3, selector: (item) => item.name },
  ),
  hasNetwork: fc.boolean(),
  suspend: fc.constantFrom(false, false, false, false, true),
  isRouted: fc.boolean(),
  containers: fc.uniqueArray(containerShapes, { minLength: 1, maxLength: 3, selector: (item) => item.name }),
});

/**
 * 1..6 services of 1..3 containers. No limit on removals, so that any two can follow each other; where they have no
 * service in common, the second has to be approved.
 */
export function desiredStates(options: { suspended?: boolean } = {}): fc.Arbitrary<DesiredState> {
  const shapes = fc.uniqueArray(serviceShapes, { minLength: 1, maxLength: 6, selector: (item) => item.name });
  return shapes.map((services) =>
    labOf(services.map((item) => ({ ...item, suspend: item.suspend && options.suspended === true }))),
  );
}

function labOf(services: ServiceShape[]): DesiredState {
  const resources: DesiredResource[] = [
    groupResource(),
    dataset(parent, { service: null, setsMountpoint: true, mountpoint: `/${parent}` }),
    ...services.flatMap(serviceResources),
    ...attachmentsOf(services),
    ...routesOf(services),
    ...recordsOf(services),
  ];
  const suspended = services.filter((item) => item.suspend).map((item) => item.name);
  return desired(resources, {
    commit: { ...desired([]).commit, id: digestValue(services).slice(0, 40) },
    suspended,
    sharedGroup,
    hub: hubOf(services),
    dns: dnsServer,
    limits: { removalCount: 1_000, removalPercent: 100, parallel: 4 },
  });
}

function groupResource(): DesiredResource {
  const origin = { file: 'lab.yaml', line: 1, column: 1 };
  return { kind: 'group', id: `group:${sharedGroup}`, name: sharedGroup, service: null, origin, needs: [] };
}

function serviceResources(shape: ServiceShape): DesiredResource[] {
  const own = `${parent}/${shape.name}`;
  const datasets = [
    dataset(own, { properties: shape.properties, needs: [`zfs-dataset:${parent}`] }),
    ...(shape.hasChild ? [dataset(`${own}/database`, { needs: [`zfs-dataset:${own}`] })] : []),
  ];
  const directories = shape.directories.map((item) => directoryOf(shape.name, own, item));
  const networks = shape.hasNetwork ? [network(`${shape.name}_net`, { service: shape.name })] : [];
  const needs = [...datasets, ...directories, ...networks].map((resource) => resource.id);
  return [...datasets, ...directories, ...networks, stackOf(shape, needs)];
}

/** It can be told about routes where its containers have a folder for the socket. */
function hubOf(services: ServiceShape[]): DesiredState['hub'] {
  const own = services.find(({ name }) => name === 'central_hub');
  const container = own?.containers.find((each) => isNamed(each) && !each.oneShot);
  if (container === undefined || !own?.directories.some(({ name }) => name === 'data')) return null;
  return {
    ...{ service: own.name, stack: `compose-stack:${own.name}`, container: `${own.name}-${container.name}` },
    ...{ socket: `/${parent}/${own.name}/data/admin.sock`, folder: '/routes', line: 'import *.caddy' },
    caddyfile: `hub.lan {\n\trespond ${container.tag}\n}\nimport *.caddy\n`,
  };
}

function routesOf(services: ServiceShape[]): DesiredResource[] {
  const hub = hubOf(services);
  if (hub === null) return [];
  const routed = services.filter((each) => each.name !== hub.service && each.isRouted);
  const sites = routed.map(({ name, containers }) => {
    const host = `${name}.lan`;
    const snippet = `${host} {\n\trespond ${containers[0]?.tag}\n}\n`;
    return route(name, { snippet, hosts: [host], needs: [hub.stack, `compose-stack:${name}`] });
  });
  return [
    route(`${hub.service}/Caddyfile`, { service: hub.service, snippet: null, needs: [hub.stack] }),
    ...sites,
  ];
}

/** With a route that the hub can be told of, or without. */
function recordsOf(services: ServiceShape[]): DesiredResource[] {
  const routes = new Set(routesOf(services).map(({ id }) => id));
  return services
    .filter(({ isRouted }) => isRouted)
    .map(({ name }) => {
      const route = `caddy-route:${name}` as const;
      return record(`${name}.lan`, { service: name, needs: routes.has(route) ? [route] : [] });
    });
}

function attachmentsOf(services: ServiceShape[]): DesiredResource[] {
  const hub = services.find(({ name }) => name === 'central_hub');
  const container = hub?.containers.find((each) => isNamed(each) && !each.oneShot);
  if (hub === undefined || container === undefined) return [];
  const routed = services.filter((each) => each !== hub && each.hasNetwork && each.isRouted);
  return routed.map(({ name }) =>
    attachment(`${name}_net`, {
      service: name,
      hub: { stack: `compose-stack:${hub.name}`, container: `${hub.name}-${container.name}` },
    }),
  );
}

/** Compose can give one name to one container only. */
function isNamed({ fixedName, replicas }: ContainerShape): boolean {
  return fixedName && replicas === 1;
}

function directoryOf(
  service: string,
  own: string,
  shape: ServiceShape['directories'][number],
): DesiredDirectory {
  return directory(`/${own}/${shape.name}`, {
    service,
    needs: [`zfs-dataset:${own}`, ...(shape.shared ? [`group:${sharedGroup}` as const] : [])],
    dataset: own,
    datasetMountpoint: `/${own}`,
    containerUid: shape.uid,
    containerGid: shape.uid,
    sharedGroup: shape.shared ? sharedGroup : null,
    mode: shape.shared ? '2770' : '0750',
    enforce: { owner: true, mode: shape.enforceMode },
  });
}

function stackOf(shape: ServiceShape, needs: DesiredStack['needs']): DesiredStack {
  const containers = shape.containers.map((item) => containerOf(shape, item));
  const inputDigest = digestValue(containers);
  return stack(shape.name, { needs, containers, inputDigest, suspend: shape.suspend });
}

function containerOf(service: ServiceShape, shape: ContainerShape): DesiredContainer {
  const image = `example/${shape.name}:${shape.tag}`;
  const bindMounts = service.directories.map((item) => `/${parent}/${service.name}/${item.name}`);
  const networks = [service.hasNetwork ? `${service.name}_net` : `${service.name}_default`];
  return container(shape.name, {
    containerName: isNamed(shape) ? `${service.name}-${shape.name}` : null,
    image,
    replicas: shape.replicas,
    oneShot: shape.oneShot,
    hasHealthcheck: shape.hasHealthcheck,
    networks,
    bindMounts,
    fields: { image },
    configHash: digestValue({ ...shape, service: service.name, bindMounts, networks, replicas: 0 }),
  });
}

/** How a host came to be as it is before Steward sees it for the first time. */
export interface HostStory {
  /** Steps that a person did by hand, in an order that works. */
  steps: Step[];
  data: string[];
  foreignContainers: string[];
  drifts: Drift[];
}

/** Part of what the lab declares is there already, made by hand: datasets without our mark, stacks of other hashes. */
export function hostStories(lab: DesiredState): fc.Arbitrary<HostStory> {
  const datasets = lab.resources.filter((resource) => resource.kind === 'zfs-dataset');
  return fc.record({
    steps: fc.nat(datasets.length).map((count) => datasets.slice(0, count).map(handMade)),
    data: fc.subarray(datasets.map((item) => `${item.mountpoint}/kept`)),
    foreignContainers: fc.uniqueArray(fc.constantFrom('pihole', 'watchtower'), { maxLength: 2 }),
    drifts: driftsOf(lab),
  });
}

function handMade(resource: Extract<DesiredResource, { kind: 'zfs-dataset' }>): Step {
  const properties = resource.setsMountpoint ? { mountpoint: resource.mountpoint } : {};
  return { op: 'zfs-create', dataset: resource.name, properties, mountpoint: resource.mountpoint };
}

/** Data is put only where a dataset is mounted: what lies on the OS disk is nobody's fault but the test's. */
export async function liveThrough(host: SimulatedHost, story: HostStory): Promise<void> {
  for (const step of story.steps) {
    await host.executor.execute(step, {});
    if ('dataset' in step) host.drift({ drift: 'disown', dataset: step.dataset });
  }
  const mounted = new Set(host.state.index.mounts.keys());
  for (const path of story.data) {
    if (mounted.has(path.slice(0, path.lastIndexOf('/')))) host.writeData(path);
  }
  for (const name of story.foreignContainers) host.addContainer({ name });
  for (const drift of story.drifts) host.drift(drift);
}
