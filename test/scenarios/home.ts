import { relative } from 'node:path';
import type {
  DesiredContainer,
  DesiredDataset,
  DesiredDirectory,
  DesiredGroup,
  DesiredNetwork,
  DesiredResource,
  DesiredStack,
  DesiredState,
  Origin,
  ResourceId,
} from '../../desired-state/types.ts';
import { digest } from '../../tools/digest.ts';
import * as build from '../support/build.ts';

/** A small home lab, as the loader would describe it: what a service of a scenario leaves out is filled in here. */
export interface HomeService {
  name: string;
  properties?: Record<string, string>;
  children?: Record<string, Record<string, string>>;
  /** Path below the service's mountpoint -> user of the container. */
  directories?: Record<string, number>;
  /** Compose service -> what is special about it; an image alone is enough. */
  containers: Record<string, HomeContainer>;
  network?: string;
  subnet?: string;
  dependsOn?: string[];
}

export interface HomeContainer extends Partial<DesiredContainer> {
  image: string;
}

const parent = 'datapool/services';
const checkout = '/var/lib/steward/checkout';
const parentId: ResourceId = `zfs-dataset:${parent}`;

export function home(services: HomeService[], over: Partial<DesiredState> = {}): DesiredState {
  const resources: DesiredResource[] = [group, parentDataset, ...services.flatMap(resourcesOf)];
  const names = services.map(({ name }) => name);
  return build.desired(resources, { services: names, sharedGroup: 'labdata', ...over });
}

const labFile = (line: number): Origin => ({ file: 'lab.yaml', line, column: 3 });

const group: DesiredGroup = {
  kind: 'group',
  id: 'group:labdata',
  name: 'labdata',
  service: null,
  origin: labFile(21),
  needs: [],
};

const parentDataset: DesiredDataset = build.dataset(parent, {
  service: null,
  origin: labFile(7),
  setsMountpoint: true,
});

function resourcesOf(service: HomeService): DesiredResource[] {
  const datasets = datasetsOf(service);
  const directories = directoriesOf(service, datasets);
  const earlier = [...datasets, ...directories, networkOf(service)];
  return [...earlier, stackOf(service, earlier)];
}

function datasetsOf({ name, properties = {}, children = {} }: HomeService): DesiredDataset[] {
  const own = { '': properties, ...children };
  return Object.entries(own).map(([child, set], index) => {
    const dataset = child === '' ? `${parent}/${name}` : `${parent}/${name}/${child}`;
    const place = { file: `services/${name}/service.yaml`, line: 2 + 2 * index, column: 3 };
    return build.dataset(dataset, {
      service: name,
      origin: place,
      needs: [child === '' ? parentId : `zfs-dataset:${parent}/${name}`],
      properties: set,
      propertyOrigins: Object.fromEntries(
        Object.keys(set).map((property, at) => [property, { ...place, line: place.line + 1 + at }]),
      ),
    });
  });
}

function directoriesOf(
  { name, directories = {} }: HomeService,
  datasets: DesiredDataset[],
): DesiredDirectory[] {
  return Object.entries(directories).map(([path, uid], index) => {
    const full = `/${parent}/${name}/${path}`;
    const holder = datasets.findLast(
      ({ mountpoint }) => full === mountpoint || full.startsWith(`${mountpoint}/`),
    );
    if (holder === undefined) throw new Error(`no dataset above ${full}`);
    return build.directory(full, {
      service: name,
      origin: { file: `services/${name}/service.yaml`, line: 10 + index, column: 5 },
      needs: [holder.id, group.id],
      dataset: holder.name,
      datasetMountpoint: holder.mountpoint,
      containerUid: uid,
      containerGid: uid,
      sharedGroup: 'labdata',
      mode: uid === 999 ? '0700' : '2770',
    });
  });
}

function networkOf({ name, network = `${name}_net`, subnet }: HomeService): DesiredNetwork {
  return build.network(network, {
    service: name,
    origin: { file: composeFile(name), line: 40, column: 3 },
    subnet: subnet ?? null,
  });
}

function stackOf(service: HomeService, earlier: DesiredResource[]): DesiredStack {
  const { name, network = `${name}_net`, dependsOn = [] } = service;
  const containers = Object.entries(service.containers).map(([container, given], index) =>
    containerOf(name, container, index, { networks: [network], ...given }),
  );
  return build.stack(name, {
    origin: { file: composeFile(name), line: 1, column: 1 },
    needs: [
      ...earlier.map(({ id }) => id),
      ...dependsOn.map((other): ResourceId => `compose-stack:${other}`),
    ],
    directory: `${checkout}/services/${name}`,
    files: [`${checkout}/${composeFile(name)}`],
    containers,
    inputDigest: digest(JSON.stringify(service)),
  });
}

/** Each container takes ten lines of its compose file; fields stand in the order in which they are given. */
function containerOf(service: string, name: string, index: number, given: HomeContainer): DesiredContainer {
  const fields = { image: given.image, ...given.fields };
  const line = 3 + index * 10;
  const fieldOrigins = Object.fromEntries(
    Object.keys(fields).map((field, at) => [
      field,
      { file: composeFile(service), line: line + at, column: 5 },
    ]),
  );
  const files = given.files ?? {};
  const filesDigest = Object.keys(files).length === 0 ? null : digest(JSON.stringify(files));
  const configHash = digest(JSON.stringify([fields, files, given.networks]));
  const base = { containerName: `${service}-${name}`, filesDigest, configHash, fieldOrigins };
  return build.container(name, { ...base, ...given, fields });
}

const composeFile = (service: string): string => relative('/', `/services/${service}/docker-compose.yml`);

export const git: HomeService = {
  name: 'git',
  directories: { data: 1000, database: 999 },
  containers: {
    gitea: {
      image: 'gitea/gitea:1.22.3',
      fields: { 'environment.GITEA__database__PASSWD': '#aa11', 'environment.TZ': 'Europe/Rome' },
      hasHealthcheck: true,
    },
    postgres: { image: 'postgres:17.6', hasHealthcheck: true },
  },
};

export const photo: HomeService = {
  name: 'photo',
  properties: { compression: 'zstd', quota: '536870912000' },
  children: { database: { recordsize: '16384' } },
  directories: { library: 1000, database: 999 },
  containers: {
    server: { image: 'immich-server:v2.7.5', bindMounts: ['/datapool/services/photo/library'] },
    database: { image: 'postgres:14', bindMounts: ['/datapool/services/photo/database'] },
  },
};

export const hub: HomeService = {
  name: 'central_hub',
  directories: { data: 1000 },
  containers: {
    caddy: {
      image: 'caddy:2.10.2',
      containerName: 'central_hub',
      files: { 'services/central_hub/Caddyfile': 'c0ffee1aa' },
    },
  },
};

export const wiki: HomeService = {
  name: 'wiki',
  directories: { pages: 1000 },
  containers: { dokuwiki: { image: 'dokuwiki:2025.05' } },
};
