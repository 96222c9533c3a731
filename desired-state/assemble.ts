import { ownerOfPath } from './check.ts';
import { providerOf } from './dns.ts';
import { type LabFile, storageOf } from './lab.ts';
import type { ServiceModel } from './model.ts';
import { compareText } from './problems.ts';
import { mergeNetworks } from './resources/docker-network.ts';
import { inferLab } from './resources/index.ts';
import type {
  CommitInfo,
  DesiredHub,
  DesiredNetwork,
  DesiredResource,
  DesiredState,
  ResourceId,
} from './types.ts';

/** Puts lab and services together; resources sorted by id. Models stay as they are, since other loads share them. */
export function assemble(commit: CommitInfo, lab: LabFile, models: ServiceModel[]): DesiredState {
  const suspended = models.filter((model) => model.suspended).map(({ name }) => name);
  const hub = hubOf(models);
  const { name, sharedGroup, networks, limits } = lab.lab;
  return {
    commit,
    labName: name,
    storage: storageOf(lab.lab),
    sharedGroup: sharedGroup ?? null,
    networkPool: { cidr: networks.pool, prefix: networks.prefix },
    hub,
    hubLacks: hub === null ? (models.flatMap((model) => model.hub.problems)[0] ?? null) : null,
    dns: lab.lab.dns === undefined ? null : providerOf(lab.lab.dns),
    limits: {
      removalCount: limits.removals.count,
      removalPercent: limits.removals.percent,
      parallel: limits.parallel,
    },
    registries: Object.fromEntries(
      Object.entries(lab.lab.registries).map(([host, { username, password }]) => [
        host,
        { username, passwordFile: password.file },
      ]),
    ),
    backupsAtOnce: lab.lab.backup?.concurrency ?? 1,
    services: models.map((model) => model.name),
    suspended,
    resources: allResources(lab, models, new Set(suspended)),
    notActedOn: models.flatMap((model) => notActedOn(model, hub)),
    warnings: [],
    policy: { findings: [], exceptions: [] },
  };
}

function hubOf(models: ServiceModel[]): DesiredHub | null {
  return models.find(({ hub }) => hub.hub !== null)?.hub.hub ?? null;
}

/** Without a hub that can be told of them, routes are names and no more. */
function actedOn({ resources }: ServiceModel, hub: DesiredHub | null): DesiredResource[] {
  return hub === null ? resources.filter(({ kind }) => kind !== 'caddy-route') : resources;
}

function notActedOn({ notActedOn: parts }: ServiceModel, hub: DesiredHub | null): DesiredState['notActedOn'] {
  return hub === null ? parts : parts.filter(({ part }) => part !== 'routes');
}

function allResources(
  lab: LabFile,
  models: ServiceModel[],
  suspended: ReadonlySet<string>,
): DesiredResource[] {
  const names = new Set(models.map((model) => model.name));
  const hub = hubOf(models);
  const own = models.flatMap((model) =>
    actedOn(model, hub).map((resource) => withForeignNeeds(resource, model, lab, names)),
  );
  const networks = own.filter((resource): resource is DesiredNetwork => resource.kind === 'docker-network');
  const others = own.filter((resource) => resource.kind !== 'docker-network');
  const all = [...inferLab(lab).resources, ...mergeNetworks(networks, suspended), ...others];
  return all.sort((a, b) => compareText(a.id, b.id));
}

/** A stack that mounts data of another service needs that dataset too: it must not start on an empty directory. */
function withForeignNeeds(
  resource: DesiredResource,
  model: ServiceModel,
  lab: LabFile,
  names: ReadonlySet<string>,
): DesiredResource {
  const { storage } = lab.lab;
  if (resource.kind !== 'compose-stack' || model.foreignMounts.length === 0 || !storage) return resource;
  const { parent, mountpoint } = storage;
  const owners = model.foreignMounts
    .map(({ name }) => ownerOfPath(name, mountpoint))
    .filter((name) => names.has(name));
  const foreign = owners.map((name): ResourceId => `zfs-dataset:${parent}/${name}`);
  return { ...resource, needs: [...new Set([...resource.needs, ...foreign])] };
}
