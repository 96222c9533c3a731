import { familiarName } from '../tools/image-name.ts';
import type { ResolvedService } from './compose/types.ts';
import {
  composeOrigin,
  nearComposeOrigin,
  type ServiceContext,
  serviceStorage,
  yamlOrigin,
} from './context.ts';
import { mountedData } from './coverage.ts';
import { isBelow } from './files.ts';
import { directivesOf } from './hub/raw.ts';
import type { YamlFile } from './locate.ts';
import type { HostPort, Named, RouteModel, ServiceModel } from './model.ts';
import { bindMounts, isNetwork, networkName } from './mounts.ts';
import { answeredNames, upstreamOf } from './reached.ts';
import { dialled, hostName, routeTarget } from './routes.ts';
import type { DesiredState, Origin } from './types.ts';

type Described = Pick<
  ServiceModel,
  | 'ports'
  | 'containers'
  | 'networks'
  | 'reachable'
  | 'answers'
  | 'volumes'
  | 'images'
  | 'routes'
  | 'dependsOn'
  | 'foreignMounts'
  | 'data'
  | 'notActedOn'
>;

/** What the rules across services want to know about one of them. */
export function describe(context: Omit<ServiceContext, 'earlier'>): Described {
  const full = { ...context, earlier: [] };
  const services = Object.entries(context.project.services);
  return {
    ports: services.flatMap(([name, service]) => hostPorts(full, name, service)),
    containers: services.flatMap(([name, service]) => hostNames(full, name, service)),
    networks: services.flatMap(([name, service]) => joined(full, name, service)),
    // A container is mostly called as its service is.
    reachable: [...new Set(services.flatMap(([name, service]) => [name, ...aliases(name, service)]))],
    answers: answeredNames(full),
    ...volumesAndImages(full),
    routes: routes(full),
    dependsOn: context.config.deploy.dependsOn.map((name, index) => ({
      name,
      origin: yamlOrigin(full, ['deploy', 'dependsOn', index]),
    })),
    foreignMounts: foreignMounts(full),
    data: mountedData(full),
    notActedOn: notActedOn(full),
  };
}

function hostPorts(context: ServiceContext, container: string, service: ResolvedService): HostPort[] {
  return (service.ports ?? []).flatMap((port, index) => {
    const range = /^(\d+)(?:-(\d+))?$/.exec(port.published ?? '');
    if (!range) return [];
    const first = Number(range[1]);
    return [
      {
        container,
        address:
          port.host_ip === undefined || /^(0\.0\.0\.0|::|)$/.test(port.host_ip) ? '0.0.0.0' : port.host_ip,
        first,
        last: Number(range[2] ?? first),
        protocol: port.protocol ?? 'tcp',
        origin: portPlace(context, container, first, index),
      },
    ];
  });
}

/** Where a published port is written. Compose sorts and merges ports, so the entry is found by its number where it is written as one. */
export function portPlace(
  context: ServiceContext,
  container: string,
  published: number,
  index: number,
): Origin {
  const base = ['services', container, 'ports'];
  return (
    portPlaces(context, container).get(String(published)) ?? nearComposeOrigin(context, [...base, index])
  );
}

const places = new WeakMap<readonly YamlFile[], Map<string, Map<string, Origin>>>();

/** Each number in the ports of a container -> where it is written, in one pass. */
function portPlaces({ composeYaml }: ServiceContext, container: string): Map<string, Origin> {
  const known = places.get(composeYaml) ?? new Map<string, Map<string, Origin>>();
  places.set(composeYaml, known);
  const found = known.get(container) ?? new Map<string, Origin>();
  if (known.has(container)) return found;
  known.set(container, found);
  const base = ['services', container, 'ports'];
  for (const yaml of [...composeYaml].reverse()) {
    for (let item = 0; yaml.find([...base, item]); item += 1) {
      const text = yaml.textAt([...base, item, 'published']) ?? yaml.textAt([...base, item]) ?? '';
      for (const [number] of text.matchAll(/(?<![\d.])\d+(?![\d.])/g))
        if (!found.has(number)) found.set(number, yaml.at([...base, item]));
    }
  }
  return found;
}

function hostNames(context: ServiceContext, container: string, service: ResolvedService): Named[] {
  const set = service.container_name;
  if (set !== undefined) {
    const origin = composeOrigin(context, ['services', container, 'container_name']);
    return [{ name: set, origin: origin ?? nearComposeOrigin(context, ['services', container]) }];
  }
  const origin = nearComposeOrigin(context, ['services', container]);
  return [{ name: `${context.project.name}-${container}-1`, origin }];
}

/** By Docker's name, where the container joins it. */
function joined(context: ServiceContext, container: string, service: ResolvedService): Named[] {
  const at = (...path: string[]) => nearComposeOrigin(context, ['services', container, ...path]);
  const mode = service.network_mode ?? '';
  if (mode !== '') return isNetwork(mode) ? [{ name: mode, origin: at('network_mode') }] : [];
  return Object.keys(service.networks ?? {}).map((key) => ({
    name: networkName(context.project, key),
    origin: at('networks', key),
  }));
}

function volumesAndImages(context: ServiceContext): Pick<ServiceModel, 'volumes' | 'images'> {
  const { name: project, services, volumes = {} } = context.project;
  return {
    volumes: Object.entries(volumes).map(([key, { name, external }]) => ({
      name: name ?? (external === true ? key : `${project}_${key}`),
      origin: nearComposeOrigin(context, ['volumes', key]),
    })),
    images: {
      built: Object.entries(services).flatMap(([key, service]) => builtNames(context, key, service)),
      run: Object.values(services).flatMap(({ image }) => (image === undefined ? [] : [familiarName(image)])),
    },
  };
}

function builtNames(context: ServiceContext, container: string, { image, build }: ResolvedService): Named[] {
  if (build === undefined) return [];
  const at = (...path: (string | number)[]) => nearComposeOrigin(context, ['services', container, ...path]);
  const tags = Array.isArray(build.tags) ? build.tags.map(String) : [];
  return [
    ...(image === undefined ? [] : [{ name: image, origin: at('image') }]),
    ...tags.map((name, index) => ({ name, origin: at('build', 'tags', index) })),
  ];
}

function aliases(name: string, service: ResolvedService): string[] {
  const joined = Object.values(service.networks ?? {}) as ({ aliases?: string[] } | null)[];
  return [service.container_name ?? name, ...joined.flatMap((network) => network?.aliases ?? [])];
}

function routes(context: ServiceContext): RouteModel[] {
  return context.config.routes.map((route, index) => ({
    name: hostName(route.host, context.lab.domain),
    origin: yamlOrigin(context, ['routes', index, 'host']),
    target: route.to === undefined ? null : routeTarget(route.to),
    dialled: route.to === undefined ? null : dialledName(context, route.to),
    raw: (directivesOf(context, index)?.upstreams ?? []).map((to) => ({
      target: routeTarget(to),
      dialled: dialledName(context, to),
      targetOrigin: yamlOrigin(context, ['routes', index, 'caddy']),
    })),
    tls: route.tls,
    path: route.path ?? '',
    answers: (['to', 'redirect', 'caddy'] as const).filter((key) => route[key] !== undefined),
    targetOrigin: yamlOrigin(context, ['routes', index, 'to']),
  }));
}

function dialledName(context: ServiceContext, to: string): string {
  const upstream = upstreamOf(context, to);
  return routeTarget(upstream === null ? to : dialled(to, upstream));
}

function foreignMounts(context: ServiceContext): Named[] {
  const own = serviceStorage(context);
  const { storage } = context.lab;
  if (own === null || storage === null) return [];
  return bindMounts(context)
    .filter(({ source }) => isBelow(source, storage.mountpoint) && source !== storage.mountpoint)
    .filter(({ source }) => !isBelow(source, own.mountpoint))
    .map(({ source, origin }) => ({ name: source, origin }));
}

/** Parts of later issues: valid, and said aloud to be without effect. */
function notActedOn(context: ServiceContext): DesiredState['notActedOn'] {
  const { name: service, folder, unread } = context.folder;
  const parts = [['routes'], ['deploy', 'onFailure']].flatMap((path) => {
    if (!context.serviceYaml?.find(path)) return [];
    return [{ service, part: path.join('.'), origin: context.serviceYaml.atKey(path) }];
  });
  const files = unread.map((file) => ({
    service,
    part: file,
    origin: { file: `${folder}/${file}`, line: 1, column: 1 },
  }));
  return [...parts, ...files];
}
