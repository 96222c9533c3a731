import { Complaint, type Value } from './model.ts';

export type Cast = (text: string) => Value;

const failed = (reason: string) => new Complaint(`failed to cast to expected type: ${reason}`);

export const toInteger: Cast = (text) => {
  if (!/^[-+]?\d+$/.test(text)) throw failed(`parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
};

export const toFloat: Cast = (text) => {
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) {
    throw failed(`parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
};

export const toBoolean: Cast = (text) => {
  const word = text.toLowerCase();
  if (['true', 'y', 'yes', 'on'].includes(word)) return true;
  if (['false', 'n', 'no', 'off'].includes(word)) return false;
  throw failed(`invalid boolean: ${text}`);
};

const service = (cast: Cast, fields: string[]): [string, Cast][] =>
  fields.map((field) => [`services.*.${field}`, cast]);

/** Where a text that came out of a variable is a number or a boolean (compose-go's loader/interpolate.go). */
export const casts: [string, Cast][] = [
  ...service(toInteger, [
    'configs.*.mode',
    'cpu_count',
    'cpu_period',
    'cpu_quota',
    'cpu_rt_period',
    'cpu_rt_runtime',
    'cpu_shares',
    'deploy.replicas',
    'deploy.update_config.parallelism',
    'deploy.rollback_config.parallelism',
    'deploy.restart_policy.max_attempts',
    'deploy.placement.max_replicas_per_node',
    'healthcheck.retries',
    'oom_score_adj',
    'pids_limit',
    'ports.*.target',
    'scale',
    'secrets.*.mode',
    'ulimits.*',
    'ulimits.*.hard',
    'ulimits.*.soft',
  ]),
  ...service(toFloat, [
    'cpu_percent',
    'cpus',
    'deploy.update_config.max_failure_ratio',
    'deploy.rollback_config.max_failure_ratio',
  ]),
  ...service(toBoolean, [
    'init',
    'healthcheck.disable',
    'oom_kill_disable',
    'privileged',
    'read_only',
    'stdin_open',
    'tty',
    'volumes.*.read_only',
    'volumes.*.volume.nocopy',
  ]),
  ...['external', 'internal', 'attachable', 'enable_ipv4', 'enable_ipv6'].map((field): [string, Cast] => [
    `networks.*.${field}`,
    toBoolean,
  ]),
  ...['volumes', 'secrets', 'configs'].map((kind): [string, Cast] => [`${kind}.*.external`, toBoolean]),
];
