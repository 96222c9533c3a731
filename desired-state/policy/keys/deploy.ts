import { each, type Keys } from './verdict.ts';

const updates: Keys = each('harmless', 'delay failure_action max_failure_ratio monitor order parallelism');

export const deviceKeys: Keys = { '*': each('devices', 'capabilities count device_ids driver options') };

/** Most of it is for a swarm, and means nothing to a single server. */
export const deployKeys: Keys = {
  ...each('harmless', 'endpoint_mode labels mode replicas'),
  placement: {
    ...each('harmless', 'constraints max_replicas_per_node'),
    preferences: { '*': { spread: 'harmless' } },
  },
  resources: {
    limits: each('harmless', 'cpus memory pids'),
    reservations: {
      ...each('harmless', 'cpus memory'),
      devices: deviceKeys,
      generic_resources: { '*': { discrete_resource_spec: each('devices', 'kind value') } },
    },
  },
  restart_policy: each('restart-policy', 'condition delay max_attempts window'),
  rollback_config: updates,
  update_config: updates,
};
