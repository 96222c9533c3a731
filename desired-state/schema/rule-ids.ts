/** Names of the rules of the policy, in the order in which docs/policy.md explains them. */
export const ruleIds = [
  'host-ports',
  'own-network',
  'shared-network',
  'privileged',
  'capabilities',
  'host-namespaces',
  'docker-socket',
  'devices',
  'outside-bind-mount',
  'outside-files',
  'network-driver',
  'runtime-settings',
  'server-environment',
  'built-image',
  'unjudged',
  'root-user',
  'database-health',
  'depends-on-healthy',
  'restart-policy',
  'floating-tag',
  'plain-secrets',
  'container-names',
  'backup-coverage',
] as const;

export type RuleId = (typeof ruleIds)[number];
