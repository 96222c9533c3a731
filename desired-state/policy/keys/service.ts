import { buildKeys } from './build.ts';
import { deployKeys, deviceKeys } from './deploy.ts';
import { each, type Keys } from './verdict.ts';

const ulimits: Keys = { '*': each('harmless', 'soft hard') };
// Compose prints what is in these lists with capitals.
const rates: Keys = { '*': each('harmless', 'path rate Path Rate') };
const mounted: Keys = { '*': each('harmless', 'source target uid gid mode') };
const hooks: Keys = {
  '*': { ...each('harmless', 'command environment working_dir'), ...each('privileged', 'user privileged') },
};

/** How much it may use of the server, and of the container's own: both end at its walls. */
const limits: Keys = {
  ...each('harmless', 'cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares'),
  ...each('harmless', 'cpus cpuset mem_limit mem_reservation mem_swappiness memswap_limit shm_size'),
  ...each('harmless', 'oom_kill_disable oom_score_adj pids_limit storage_opt'),
  ulimits,
  blkio_config: {
    weight: 'harmless',
    weight_device: { '*': each('harmless', 'path weight Path Weight') },
    device_read_bps: rates,
    device_read_iops: rates,
    device_write_bps: rates,
    device_write_iops: rates,
  },
};

const own: Keys = {
  ...each('harmless', 'attach cap_drop command entrypoint expose init labels links platform profiles'),
  ...each('harmless', 'pull_policy read_only scale stdin_open stop_grace_period stop_signal tmpfs tty'),
  ...each('harmless', 'working_dir hostname domainname dns dns_opt dns_search extra_hosts mac_address'),
  configs: mounted,
  secrets: mounted,
};

const walls: Keys = {
  ...each('host-namespaces', 'cgroup ipc network_mode pid userns_mode uts'),
  ...each('privileged', 'privileged security_opt'),
  ...each('runtime-settings', 'cgroup_parent runtime sysctls'),
  ...each('capabilities', 'cap_add group_add'),
  device_cgroup_rules: 'devices',
  devices: { '*': each('devices', 'source target permissions') },
  gpus: deviceKeys,
  post_start: hooks,
  pre_stop: hooks,
  logging: { driver: 'runtime-settings', options: 'harmless' },
};

const networks: Keys = {
  '*': {
    ...each('harmless', 'aliases gw_priority ipv4_address ipv6_address link_local_ips mac_address priority'),
    driver_opts: 'network-driver',
  },
};

const volumes: Keys = {
  '*': {
    ...each('outside-bind-mount', 'type source read_only'),
    ...each('harmless', 'target consistency'),
    bind: {
      ...each('harmless', 'create_host_path recursive selinux'),
      propagation: 'outside-bind-mount',
    },
    volume: each('harmless', 'nocopy subpath'),
    tmpfs: each('harmless', 'mode size'),
  },
};

export const serviceKeys: Keys = {
  ...limits,
  ...own,
  ...walls,
  build: buildKeys,
  deploy: deployKeys,
  networks,
  volumes,
  volumes_from: 'outside-bind-mount',
  ports: { '*': each('host-ports', 'app_protocol host_ip mode name protocol published target') },
  image: 'floating-tag',
  container_name: 'container-names',
  user: 'root-user',
  restart: 'restart-policy',
  environment: 'plain-secrets',
  depends_on: { '*': each('depends-on-healthy', 'condition required restart') },
  healthcheck: each('database-health', 'disable interval retries start_interval start_period test timeout'),
  env_file: { '*': each('outside-files', 'format path required') },
  label_file: 'outside-files',
  // Of newer versions than the schema beside this.
  use_api_socket: 'docker-socket',
  provider: 'refused: it is a program that compose runs on the server',
  annotations: 'refused: they speak to what makes containers, as root',
  credential_spec: 'refused: it is an account of the server',
  develop: 'refused: it copies files into containers that Git does not know of',
  extends: 'refused: what it takes in was not there to be looked at',
  external_links: 'refused: they lead to containers of others, with all variables of these',
  isolation: 'refused: it chooses other walls than those that the rules know',
};
