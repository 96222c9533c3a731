/**
 * A stack as it may run on restored data beside the live one: pure, on what `docker compose config --format json` prints.
 * It reaches nothing (a network of its own without a way out, no ports), nothing of it is kept (volumes of its own), and it
 * writes to the scratch dataset alone. What cannot be kept apart like this is not started at all.
 */

export interface Isolation {
  project: string;
  /** The service's data, and where the restored data is in its place. */
  from: string;
  to: string;
  /** The repository's files of the service, which may be read. */
  directory: string;
}

export type Isolated = { model: Model } | { refused: string };

type Service = Record<string, unknown>;
export interface Model {
  name?: string;
  services: Record<string, Service>;
  [key: string]: unknown;
}

/** What says how a container runs, and nothing of the world around it. */
const kept = [
  ...[
    'image',
    'command',
    'entrypoint',
    'environment',
    'user',
    'group_add',
    'working_dir',
    'healthcheck',
    'depends_on',
  ],
  ...[
    'init',
    'stop_signal',
    'stop_grace_period',
    'read_only',
    'tmpfs',
    'shm_size',
    'ulimits',
    'mem_limit',
    'cap_drop',
  ],
  ...['security_opt', 'hostname', 'configs', 'secrets', 'platform', 'tty', 'stdin_open'],
];

/** What opens a container to the host, or to containers that are not its own. */
const opens = [
  ...[
    'privileged',
    'cap_add',
    'devices',
    'network_mode',
    'pid',
    'ipc',
    'uts',
    'userns_mode',
    'cgroup_parent',
  ],
  ...['volumes_from', 'runtime', 'device_cgroup_rules', 'gpus', 'sysctls', 'cgroup', 'credential_spec'],
];

const network = 'drill';

export function isolated(model: Model, isolation: Isolation): Isolated {
  const found = Object.entries(model.services).map(([name, service]) => one(name, service, model, isolation));
  const refused = found.find((each) => 'refused' in each);
  if (refused !== undefined && 'refused' in refused) return refused;
  const services = Object.fromEntries(
    found.flatMap((each) => ('service' in each ? [[each.name, each.service]] : [])),
  );
  const { configs, secrets } = model;
  return {
    model: {
      name: isolation.project,
      services,
      networks: { [network]: { internal: true } },
      ...(configs === undefined ? {} : { configs: withoutNames(configs) }),
      ...(secrets === undefined ? {} : { secrets: withoutNames(secrets) }),
    },
  };
}

type One = { name: string; service: Service } | { refused: string };

function one(name: string, service: Service, model: Model, isolation: Isolation): One {
  const opened = opens.find((key) => isSet(service[key]));
  if (opened !== undefined)
    return { refused: `${name} has ${opened}, which cannot be kept apart from the host` };
  const mounts = ((service.volumes ?? []) as Mount[]).map((mount) => moved(mount, isolation));
  const outside = mounts.find((mount): mount is string => typeof mount === 'string');
  if (outside !== undefined) return { refused: `${name} mounts ${outside}, which is not in its own data` };
  const own = Object.fromEntries(
    kept.flatMap((key) => (service[key] === undefined ? [] : [[key, service[key]]])),
  );
  const image = service.image ?? `${model.name}-${name}`;
  const networks = { [network]: { aliases: aliasesOf(service) } };
  return { name, service: { ...own, image, volumes: mounts, networks, restart: 'no', pull_policy: 'never' } };
}

/** `false`, empty lists and nothing at all are how compose prints that it is not there. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

interface Mount {
  type: string;
  source?: string;
  target: string;
  [key: string]: unknown;
}

/** The same mount on what was restored; a text is the source that nothing can take the place of. */
function moved(mount: Mount, { from, to, directory }: Isolation): Mount | string {
  const { type, source = '', target } = mount;
  if (type === 'tmpfs') return mount;
  // Of its own, and thrown away with it.
  if (type === 'volume') return { type, target };
  if (isAt(source, from))
    return { type, source: `${to}${source.slice(from.length)}`, target, read_only: mount.read_only };
  if (type === 'bind' && isAt(source, directory)) return { type, source, target, read_only: true };
  return source || type;
}

function isAt(place: string, root: string): boolean {
  return place === root || place.startsWith(`${root}/`);
}

/** Others find it under every name that it has beside the live one. */
function aliasesOf({ container_name: own, networks }: Service): string[] {
  const joined = Object.values((networks ?? {}) as Record<string, { aliases?: string[] } | null>);
  const aliases = joined.flatMap((each) => each?.aliases ?? []);
  return [...new Set([...(typeof own === 'string' ? [own] : []), ...aliases])];
}

/** Their names begin with the live project's. */
function withoutNames(entries: unknown): unknown {
  return Object.fromEntries(
    Object.entries(entries as Record<string, Record<string, unknown>>).map(
      ([key, { name: _name, ...rest }]) => [key, rest],
    ),
  );
}
