import type {
  ObservedContainer,
  ObservedDataset,
  ObservedImage,
  ObservedMount,
  ObservedState,
} from '../../observers/types.ts';

/** What a host says, with defaults. */

export function seenDataset(
  name = 'datapool/services/photo',
  over: Partial<ObservedDataset> = {},
): ObservedDataset {
  const guid = `guid-${name}`;
  return {
    name,
    guid,
    mounted: true,
    mountpoint: `/${name}`,
    properties: { 'steward:guid': { value: guid, source: 'local' } },
    snapshotsChanged: null,
    ...over,
  };
}

export function seenContainer(service = 'server', over: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id: `id-${service}`,
    name: `photo-${service}`,
    project: 'photo',
    service,
    configHash: `hash-${service}`,
    filesDigest: null,
    image: 'photo:1',
    imageId: 'sha256:1',
    state: 'running',
    health: 'none',
    exitCode: null,
    networks: {},
    published: [],
    oneOff: false,
    writes: [],
    autoRemove: false,
    justStarted: false,
    dependsOn: {},
    ...over,
  };
}

export function observed(parts: {
  datasets?: ObservedDataset[];
  mounts?: ObservedMount[];
  containers?: ObservedContainer[];
  networks?: {
    name: string;
    id?: string;
    driver?: string;
    subnets?: string[];
    labels?: Record<string, string>;
  }[];
  paths?: ObservedState['paths'];
  groups?: Record<string, number>;
  hub?: ObservedState['hub'];
  dns?: ObservedState['dns'];
  images?: ObservedImage[];
}): ObservedState {
  const datasets = Object.fromEntries((parts.datasets ?? []).map((item) => [item.name, item]));
  const networks = (parts.networks ?? []).map((given) => {
    const { name, id = `net-${name}`, driver = 'bridge', subnets = ['10.88.0.0/26'], labels = {} } = given;
    return { id, name, driver, subnets, internal: false, labels };
  });
  const here = [{ id: 'sha256:1', tags: ['photo:1'], digests: [] }];
  const base = { serverVersion: '26.1.5', usernsBase: { uid: 100_000, gid: 100_000 } };
  return {
    zfs: { known: true, value: { pools: ['datapool'], fullPools: [], datasets } },
    mounts: { known: true, value: parts.mounts ?? [] },
    docker: {
      known: true,
      value: { ...base, containers: parts.containers ?? [], networks, images: parts.images ?? here },
    },
    system: { known: true, value: { groups: parts.groups ?? {}, users: {}, subUids: {}, subGids: {} } },
    paths: parts.paths ?? {},
    hub: parts.hub ?? null,
    dns: parts.dns ?? null,
  };
}
