import { Complaint, isModel, type Model, sprint, type Value } from './model.ts';
import { section } from './normalise.ts';
import { ramBytes } from './units.ts';

const invalid = (message: string) => new Complaint(`${message}: invalid compose project`);

/** Checks of sections before names are given (compose-go's validation). Throws Complaint. */
export function checkResources(model: Model): void {
  for (const [name, volume] of Object.entries(section(model, 'volumes'))) {
    if (!isModel(volume) || volume.external !== true) continue;
    const other = Object.keys(volume).find(
      (key) => !['name', 'external'].includes(key) && !key.startsWith('x-'),
    );
    if (other !== undefined) {
      throw new Complaint(`volumes.${name}: conflicting parameters "external" and "${other}" specified`);
    }
  }
  checkFiles(model, 'configs', ['file', 'environment', 'content']);
  checkFiles(model, 'secrets', ['file', 'environment']);
}

function checkFiles(model: Model, kind: string, keys: string[]): void {
  for (const [name, value] of Object.entries(section(model, kind))) {
    const item = isModel(value) ? value : {};
    const given = keys.filter((key) => item[key] !== undefined).length;
    const where = `${kind}.${name}`;
    if (given > 1) throw new Complaint(`${where}: ${keys.join('|')} attributes are mutually exclusive`);
    if (given === 0 && item.driver === undefined && item.external === undefined) {
      throw new Complaint(`${where}: one of ${keys.join('|')} must be set`);
    }
  }
}

/** References and contradictions (compose-go's loader/validate.go). Throws Complaint. */
export function checkConsistency(model: Model, enabled: Model): void {
  for (const [name, service] of Object.entries(enabled)) {
    if (isModel(service)) checkService(model, enabled, name, service);
  }
  for (const [name, secret] of Object.entries(section(model, 'secrets'))) {
    const missing = isModel(secret) && secret.external !== true && !secret.file && !secret.environment;
    if (missing) throw invalid(`secret "${name}" must declare either \`file\` or \`environment\``);
  }
  checkCycles(enabled);
}

function checkService(model: Model, enabled: Model, name: string, service: Model): void {
  const build = isModel(service.build) ? service.build : undefined;
  if (!build && !service.image) {
    throw invalid(`service "${name}" has neither an image nor a build context specified`);
  }
  if (build?.dockerfile_inline && build.dockerfile) {
    throw invalid(`service "${name}" declares mutualy exclusive dockerfile and dockerfile_inline`);
  }
  if (service.network_mode && keys(service.networks).length > 0) {
    throw invalid(`service "${name}" declares mutually exclusive \`network_mode\` and \`networks\``);
  }
  checkReferences(model, name, service);
  checkHealthcheck(service.healthcheck);
  checkDependencies(model, enabled, name, service);
  checkLimits(name, service);
}

function keys(value: Value | undefined): string[] {
  return isModel(value) ? Object.keys(value) : [];
}

function models(value: Value | undefined): Model[] {
  return Array.isArray(value) ? value.filter(isModel) : [];
}

function checkReferences(model: Model, name: string, service: Model): void {
  const build = isModel(service.build) ? service.build : {};
  const named = models(service.volumes).filter((item) => item.type === 'volume' && item.source);
  const references: [string, string, (Value | undefined)[]][] = [
    ['network', 'networks', keys(service.networks)],
    ['volume', 'volumes', named.map((item) => item.source)],
    ['build secret', 'secrets', models(build.secrets).map((item) => item.source)],
    ['config', 'configs', models(service.configs).map((item) => item.source)],
    ['secret', 'secrets', models(service.secrets).map((item) => item.source)],
  ];
  for (const [kind, place, wanted] of references) {
    const missing = wanted.find((item) => section(model, place)[String(item)] === undefined);
    if (missing !== undefined) throw invalid(`service "${name}" refers to undefined ${kind} ${missing}`);
  }
}

function checkHealthcheck(healthcheck: Value | undefined): void {
  const test = isModel(healthcheck) ? healthcheck.test : undefined;
  if (!Array.isArray(test) || test.length === 0) return;
  if (!['CMD', 'CMD-SHELL', 'NONE'].includes(String(test[0]))) {
    throw new Complaint('healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"');
  }
}

function checkDependencies(model: Model, enabled: Model, name: string, service: Model): void {
  for (const [other, config] of Object.entries(isModel(service.depends_on) ? service.depends_on : {})) {
    if (enabled[other] !== undefined) continue;
    const disabled = section(model, 'services')[other] !== undefined;
    if (disabled && isModel(config) && config.required === false) continue;
    throw invalid(`service "${name}" depends on undefined service "${other}"`);
  }
}

function checkLimits(name: string, service: Model): void {
  const deploy = isModel(service.deploy) ? service.deploy : undefined;
  const resources = isModel(deploy?.resources) ? deploy.resources : {};
  const limits = isModel(resources.limits) ? resources.limits : undefined;
  const reserved = isModel(resources.reservations) ? resources.reservations : undefined;
  const scale = service.scale ?? undefined;
  const replicas = deploy?.replicas ?? undefined;
  const distinct = (own: string, other: string) =>
    invalid(`services.${name}: can't set distinct values on '${own}' and 'deploy.${other}'`);
  if (scale !== undefined && replicas !== undefined && Number(scale) !== Number(replicas)) {
    throw distinct('scale', 'replicas');
  }
  const pairs: [string, Model | undefined, string][] = [
    ['cpus', limits, 'resources.limits.cpus'],
    ['mem_limit', limits, 'resources.limits.memory'],
    ['mem_reservation', reserved, 'resources.reservations.memory'],
    ['pids_limit', limits, 'resources.limits.pids'],
  ];
  for (const [field, group, place] of pairs) {
    const own = amount(service[field]);
    const key = place.split('.').at(-1) ?? '';
    if (own !== 0 && group && amount(group[key]) !== own) throw distinct(field, place);
  }
  if (Number(scale ?? replicas ?? 1) > 1 && service.container_name) {
    throw invalid(
      `services.${name}: can't set container_name and several replicas as the name must be unique`,
    );
  }
}

function amount(value: Value | undefined): number {
  if (value === undefined || value === null) return 0;
  const text = sprint(value);
  return /^-?[\d.]+$/.test(text) ? Number(text) : ramBytes(text);
}

function checkCycles(enabled: Model): void {
  const done = new Set<string>();
  const visit = (name: string, above: string[]): void => {
    if (above.includes(name)) {
      const cycle = [...above.slice(above.indexOf(name)), name].join(' -> ');
      throw new Complaint(`dependency cycle detected: ${cycle}`);
    }
    if (done.has(name)) return;
    const service = enabled[name];
    for (const other of isModel(service) ? keys(service.depends_on) : []) visit(other, [...above, name]);
    done.add(name);
  };
  for (const name of Object.keys(enabled)) visit(name, []);
}
