/**
 * How compose prints each field: compose-go's types as data. `?` keeps a zero that is written; without it an empty
 * text, 0, false, list or map is left out, as Go's `omitempty` does.
 */
export type Shape =
  | 'text'
  | 'number'
  | 'number?'
  | 'bool'
  | 'bool?'
  | 'bytes'
  | 'duration'
  | 'texts'
  | 'map'
  | 'map?'
  | 'hosts'
  | 'command'
  | 'test'
  | 'count'
  | 'ulimit'
  | 'any'
  | { list: Shape }
  | { map: Shape }
  | { fields: Record<string, Shape> /** Printed even when empty. */; always?: Record<string, unknown> };

function fields(shape: Record<string, Shape>, always?: Record<string, unknown>): Shape {
  return always === undefined ? { fields: shape } : { fields: shape, always };
}

function each<S extends Shape>(shape: S, names: string): Record<string, S> {
  return Object.fromEntries(names.split(' ').map((name) => [name, shape]));
}

const mounts: Shape = { list: fields({ ...each('text', 'source target uid gid'), mode: 'number?' }) };
const ulimits: Shape = { map: 'ulimit' };
const devices: Shape = {
  list: fields({
    capabilities: 'texts',
    driver: 'text',
    count: 'count',
    device_ids: 'texts',
    options: 'map',
  }),
};

const build = fields({
  ...each('text', 'context dockerfile dockerfile_inline isolation network target'),
  ...each('texts', 'entitlements cache_from cache_to tags platforms'),
  ...each('bool', 'no_cache pull privileged'),
  ...each('map', 'labels additional_contexts'),
  ssh: 'any',
  args: 'map?',
  extra_hosts: 'hosts',
  secrets: mounts,
  shm_size: 'bytes',
  ulimits,
});

const resources = fields({
  cpus: 'number',
  memory: 'bytes',
  pids: 'number',
  devices,
  generic_resources: 'any',
});

const update = fields({
  parallelism: 'number?',
  delay: 'duration',
  failure_action: 'text',
  monitor: 'duration',
  max_failure_ratio: 'number',
  order: 'text',
});

const deploy = fields(
  {
    mode: 'text',
    replicas: 'number?',
    labels: 'map',
    update_config: update,
    rollback_config: update,
    resources: fields({ limits: resources, reservations: resources }),
    restart_policy: fields({
      condition: 'text',
      delay: 'duration',
      max_attempts: 'number?',
      window: 'duration',
    }),
    placement: fields({ constraints: 'texts', preferences: 'any', max_replicas_per_node: 'number' }),
    endpoint_mode: 'text',
  },
  { resources: {}, placement: {} },
);

const volume = fields({
  ...each('text', 'type source target consistency'),
  read_only: 'bool',
  bind: fields({ ...each('text', 'selinux propagation recursive'), create_host_path: 'bool' }),
  volume: fields({ nocopy: 'bool', subpath: 'text' }),
  tmpfs: fields({ size: 'bytes', mode: 'number' }),
});

const network = fields({
  ...each('number', 'priority gw_priority'),
  ...each('texts', 'aliases link_local_ips'),
  ...each('text', 'ipv4_address ipv6_address mac_address'),
  driver_opts: 'map',
});

const hook = fields(
  { command: 'command', user: 'text', privileged: 'bool', working_dir: 'text', environment: 'map?' },
  { command: null },
);

export const serviceShape = fields(
  {
    ...each(
      'text',
      'cgroup_parent cgroup cpuset container_name domainname hostname image ipc isolation mac_address network_mode pid platform pull_policy restart runtime stop_signal user userns_mode uts volume_driver working_dir',
    ),
    ...each(
      'number',
      'cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpu_shares oom_score_adj pids_limit',
    ),
    ...each('bool', 'oom_kill_disable privileged read_only stdin_open tty'),
    ...each('bool?', 'attach init'),
    ...each('bytes', 'mem_limit mem_reservation memswap_limit mem_swappiness shm_size'),
    ...each(
      'texts',
      'cap_add cap_drop device_cgroup_rules dns dns_opt dns_search expose external_links group_add links profiles security_opt tmpfs volumes_from',
    ),
    ...each('map', 'annotations labels sysctls storage_opt'),
    ...each('command', 'command entrypoint'),
    build,
    ...each('any', 'blkio_config credential_spec develop'),
    configs: mounts,
    secrets: mounts,
    depends_on: { map: fields({ condition: 'text', restart: 'bool', required: 'bool?' }) },
    deploy,
    devices: { list: fields(each('text', 'source target permissions')) },
    environment: 'map?',
    extra_hosts: 'hosts',
    gpus: devices,
    healthcheck: fields({
      test: 'test',
      ...each('duration', 'timeout interval start_period start_interval'),
      retries: 'number?',
      disable: 'bool',
    }),
    logging: fields({ driver: 'text', options: 'map' }),
    networks: { map: network },
    ports: {
      list: fields({
        ...each('text', 'name mode host_ip published protocol app_protocol'),
        target: 'number',
      }),
    },
    scale: 'number?',
    stop_grace_period: 'duration',
    ulimits,
    volumes: { list: volume },
    post_start: { list: hook },
    pre_stop: { list: hook },
  },
  { command: null, entrypoint: null },
);

const file = fields({
  ...each('text', 'name file environment content driver template_driver'),
  external: 'bool',
  ...each('map', 'labels driver_opts'),
});

/** The top-level resources, by section. */
export const resourceShapes: Record<string, Shape> = {
  networks: fields(
    {
      ...each('text', 'name driver'),
      ...each('map', 'driver_opts labels'),
      ipam: fields({
        driver: 'text',
        config: { list: fields({ ...each('text', 'subnet gateway ip_range'), aux_addresses: 'map' }) },
      }),
      ...each('bool', 'external internal attachable'),
      ...each('bool?', 'enable_ipv4 enable_ipv6'),
    },
    { ipam: {} },
  ),
  volumes: fields({ ...each('text', 'name driver'), ...each('map', 'driver_opts labels'), external: 'bool' }),
  configs: file,
  secrets: file,
};
