import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type {
  CommitInfo,
  DesiredAttachment,
  DesiredBackup,
  DesiredContainer,
  DesiredDataset,
  DesiredDirectory,
  DesiredNetwork,
  DesiredRecord,
  DesiredRepository,
  DesiredResource,
  DesiredRoute,
  DesiredStack,
  DesiredState,
} from '../../desired-state/types.ts';
import type { ObservedState } from '../../observers/types.ts';
import { emptyInventory } from '../../reconciler/state/inventory.ts';
import type { Change } from '../../reconciler/types.ts';
import type { DnsProvider } from '../../tools/dns/types.ts';

/** Small complete values for tests; each takes what the test is about and fills in the rest. */

export const origin = { file: 'services/photo/docker-compose.yml', line: 4, column: 5 };

export { observed, seenContainer, seenDataset } from './seen.ts';

export const commit: CommitInfo = {
  id: '3f2a1c9000000000000000000000000000000000',
  subject: 'Add photo',
  branch: 'main',
  committedAt: '2026-11-23T02:00:00Z',
};

export function dataset(
  name = 'datapool/services/photo',
  over: Partial<DesiredDataset> = {},
): DesiredDataset {
  return {
    kind: 'zfs-dataset',
    id: `zfs-dataset:${name}`,
    name,
    service: name.split('/')[2] ?? null,
    origin,
    needs: [],
    mountpoint: `/${name}`,
    properties: {},
    propertyOrigins: {},
    setsMountpoint: false,
    ...over,
  };
}

export function directory(path: string, over: Partial<DesiredDirectory> = {}): DesiredDirectory {
  return {
    kind: 'directory',
    id: `directory:${path}`,
    name: path,
    service: 'photo',
    origin,
    needs: ['zfs-dataset:datapool/services/photo'],
    path,
    dataset: 'datapool/services/photo',
    datasetMountpoint: '/datapool/services/photo',
    containerUid: 1000,
    containerGid: 1000,
    sharedGroup: null,
    mode: '0750',
    enforce: { owner: true, mode: false },
    recursive: false,
    ...over,
  };
}

export function network(name = 'photo_net', over: Partial<DesiredNetwork> = {}): DesiredNetwork {
  const id = `docker-network:${name}` as const;
  return { kind: 'docker-network', id, name, service: 'photo', origin, needs: [], subnet: null, ...over };
}

/** Of the hub, whose one container is called like its service. */
export function attachment(name = 'photo_net', over: Partial<DesiredAttachment> = {}): DesiredAttachment {
  const hub = over.hub ?? { stack: 'compose-stack:central_hub' as const, container: 'central_hub' };
  const needs: DesiredAttachment['needs'] = [`docker-network:${name}`, hub.stack];
  return {
    kind: 'hub-attachment',
    id: `hub-attachment:${name}`,
    name,
    service: 'photo',
    origin,
    needs,
    ...over,
    hub,
  };
}

/** The sites of a service at the hub. */
export function route(name = 'photo', over: Partial<DesiredRoute> = {}): DesiredRoute {
  const hosts = over.hosts ?? [];
  return {
    ...{ kind: 'caddy-route', id: `caddy-route:${name}`, name, service: name, origin, needs: [] },
    ...{ snippet: '', shown: hosts, probes: [], bounds: null, addresses: [], ...over, hosts },
  };
}

export const dnsServer: DnsProvider = { provider: 'hosts-file', file: '/srv/dns/hosts', pidFile: null };

export function record(name = 'photo.lan', over: Partial<DesiredRecord> = {}): DesiredRecord {
  const base = { kind: 'dns-record', id: `dns-record:${name}`, name, service: 'photo' } as const;
  return { ...base, needs: [], origin, address: '192.168.1.100', provider: dnsServer, ...over };
}

export function container(name = 'server', over: Partial<DesiredContainer> = {}): DesiredContainer {
  return {
    name,
    containerName: `photo-${name}`,
    image: 'photo:1',
    build: false,
    pull: 'missing',
    replicas: 1,
    oneShot: false,
    hasHealthcheck: false,
    networks: [],
    published: [],
    bindMounts: [],
    stopGraceSeconds: 10,
    configHash: `hash-${name}`,
    filesDigest: null,
    files: {},
    fields: { image: 'photo:1' },
    fieldOrigins: { image: origin },
    ...over,
  };
}

export function stack(name = 'photo', over: Partial<DesiredStack> = {}): DesiredStack {
  return {
    kind: 'compose-stack',
    id: `compose-stack:${name}`,
    name,
    service: name,
    origin,
    needs: [],
    directory: `/var/lib/steward/checkout/services/${name}`,
    files: [`/var/lib/steward/checkout/services/${name}/docker-compose.yml`],
    envFiles: [],
    override: null,
    containers: [container()],
    inputDigest: 'input-1',
    healthTimeoutSeconds: 180,
    suspend: false,
    ...over,
  };
}

export const repositoryRef: RepositoryRef = {
  location: '/backup/datapool_services_photo',
  encryption: 'repokey-blake2',
  passphraseFile: '/etc/steward/borg-passphrase',
  identity: null,
  knownHosts: null,
  keysDirectory: null,
  appendOnly: false,
};

export function repository(service = 'photo', over: Partial<DesiredRepository> = {}): DesiredRepository {
  const name = `datapool/services/${service}`;
  const location = `/backup/datapool_services_${service}`;
  return {
    kind: 'borg-repository',
    id: `borg-repository:${name}`,
    name,
    service,
    origin,
    needs: [],
    repository: { ...repositoryRef, location },
    check: null,
    verifyData: null,
    ...over,
  };
}

export function backup(service = 'photo', over: Partial<DesiredBackup> = {}): DesiredBackup {
  const own = repository(service);
  return {
    kind: 'backup',
    id: `backup:${service}`,
    name: service,
    service,
    origin,
    needs: [own.id, `zfs-dataset:${own.name}`, `compose-stack:${service}`],
    project: service,
    repositoryId: own.id,
    repository: own.repository,
    schedule: { cron: '30 2 * * *', timezone: 'UTC' },
    jitterSeconds: 0,
    startingDeadlineSeconds: null,
    suspend: false,
    quiesce: 'stop',
    hooks: { before: [], after: [] },
    retention: { daily: 7 },
    compression: 'zstd,3',
    excludes: [],
    datasets: [{ name: own.name, mountpoint: `/${own.name}` }],
    collapsePercent: 50,
    drill: null,
    ...over,
  };
}

export function desired(resources: DesiredResource[], over: Partial<DesiredState> = {}): DesiredState {
  const services = resources.filter((resource) => resource.kind === 'compose-stack').map(({ name }) => name);
  return {
    commit,
    labName: 'homelab',
    storage: { parent: 'datapool/services', mountpoint: '/datapool/services' },
    sharedGroup: null,
    hub: null,
    hubLacks: null,
    dns: null,
    networkPool: { cidr: '10.88.0.0/16', prefix: 26 },
    limits: { removalCount: 3, removalPercent: 30, parallel: 4 },
    services,
    suspended: [],
    resources,
    registries: {},
    backupsAtOnce: 1,
    notActedOn: [],
    warnings: [],
    policy: { findings: [], exceptions: [] },
    ...over,
  };
}

export function planInput(resources: DesiredResource[], seen: ObservedState) {
  return { desired: desired(resources), observed: seen, inventory: emptyInventory(), nowMs: 1_000_000 };
}

export function change(id: Change['id'], over: Partial<Change> = {}): Change {
  const [kind, name] = [id.slice(0, id.indexOf(':')) as Change['kind'], id.slice(id.indexOf(':') + 1)];
  return {
    verb: 'create',
    kind,
    id,
    name,
    service: 'photo',
    summary: '',
    reasons: [],
    needs: [],
    disruption: { level: 'none', seconds: 0, containers: [] },
    steps: [{ op: 'network-remove', network: id }],
    ...over,
  };
}
