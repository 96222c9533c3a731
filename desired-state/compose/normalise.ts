import path from 'node:path';
import { emptyModel, isModel, type Model, type Value } from './model.ts';

/** What compose adds for itself: default network, implied dependencies, names (compose-go's loader/normalize.go). */
export function normalise(
  model: Model,
  project: string,
  variable: (name: string) => string | undefined,
): Model {
  const services = section(model, 'services');
  for (const service of Object.values(services)) if (isModel(service)) normaliseService(service, variable);
  const networks = section(model, 'networks');
  const usesDefault = Object.values(services).some(
    (service) => isModel(service) && isModel(service.networks) && 'default' in service.networks,
  );
  if (usesDefault && networks.default === undefined) networks.default = null;
  for (const kind of ['networks', 'volumes', 'configs', 'secrets']) {
    const resources = section(model, kind);
    for (const [key, value] of Object.entries(resources)) resources[key] = withName(value, key, project);
  }
  return model;
}

/** A top-level section, made where there is none. */
export function section(model: Model, name: string): Model {
  const found = model[name];
  if (isModel(found)) return found;
  const made = emptyModel();
  model[name] = made;
  return made;
}

function withName(value: Value, key: string, project: string): Model {
  const resource = isModel(value) ? value : emptyModel();
  resource.name ??= resource.external === true ? key : `${project}_${key}`;
  return resource;
}

function normaliseService(service: Model, variable: (name: string) => string | undefined): void {
  if (service.pull_policy === 'if_not_present') service.pull_policy = 'missing';
  if (isModel(service.build)) normaliseBuild(service.build, variable);
  if (service.network_mode === undefined) {
    const networks = service.networks;
    const none = !isModel(networks) || Object.keys(networks).length === 0;
    if (none) service.networks = { default: null };
  }
  impliedDependencies(service);
  for (const volume of Array.isArray(service.volumes) ? service.volumes : []) {
    if (isModel(volume) && typeof volume.target === 'string') {
      volume.target = path.posix.normalize(volume.target).replace(/(.)\/$/, '$1');
    }
  }
}

function normaliseBuild(build: Model, variable: (name: string) => string | undefined): void {
  build.context ??= '.';
  if (build.dockerfile === undefined && build.dockerfile_inline === undefined)
    build.dockerfile = 'Dockerfile';
  const args = build.args;
  if (Array.isArray(args)) {
    build.args = args.flatMap((item) => {
      const name = String(item);
      const value = name.includes('=') ? undefined : variable(name);
      return name.includes('=') ? [name] : value === undefined ? [] : [`${name}=${value}`];
    });
  } else if (isModel(args)) {
    for (const [key, item] of Object.entries(args)) {
      const value = item ?? variable(key);
      if (value === undefined) delete args[key];
      else args[key] = value;
    }
  }
}

function impliedDependencies(service: Model): void {
  const known = isModel(service.depends_on) ? service.depends_on : emptyModel();
  const add = (name: string, restart: boolean) => {
    known[name] ??= { condition: 'service_started', restart, required: true };
  };
  for (const link of texts(service.links)) {
    const parts = link.split(':');
    add(parts.length === 2 ? (parts[0] ?? '') : link, true);
  }
  for (const namespace of ['network_mode', 'ipc', 'pid', 'uts', 'cgroup']) {
    const reference = service[namespace];
    if (typeof reference === 'string' && reference.startsWith('service:')) add(reference.slice(8), true);
  }
  for (const from of texts(service.volumes_from)) {
    if (!from.startsWith('container:')) add(from.split(':')[0] ?? '', false);
  }
  if (Object.keys(known).length > 0) service.depends_on = known;
}

function texts(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
