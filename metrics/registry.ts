import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Change, ChangeResult, ChangeVerb } from '../reconciler/types.ts';
import { type BackupGauges, backupGauges } from './backups.ts';
import { type RouteGauges, routeGauges } from './routes.ts';
import { cycleResults, phases } from './types.ts';

/** Every series of Steward, on a registry of its own. Labels are bounded: no names out of Git, no error texts. */
export interface Metrics {
  registry: Registry;
  commit: Gauge<'commit' | 'branch'>;
  cycles: Counter<'result'>;
  duration: Histogram<'phase'>;
  changes: Counter<'kind' | 'verb' | 'result'>;
  resources: Gauge<'kind' | 'state'>;
  lastSuccess: Gauge;
  lastFetch: Gauge;
  lastCycle: Gauge;
  problems: Gauge<'severity'>;
  policy: Gauge<'severity'>;
  exceptions: Gauge;
  held: Gauge;
  refused: Gauge;
  backups: BackupGauges;
  routes: RouteGauges;
}

export function createMetrics(info: { version: string; node: string }): Metrics {
  const registry = new Registry();
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge<L>({ name: `steward_${name}`, help, labelNames, registers: [registry] });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter<L>({ name: `steward_${name}`, help, labelNames, registers: [registry] });
  gauge('build_info', 'Version of Steward and of Node; always 1.', ['version', 'node']).set(info, 1);
  const metrics: Metrics = {
    registry,
    commit: gauge('commit_info', 'The commit last planned; always 1.', ['commit', 'branch']),
    cycles: counter('cycles_total', 'Cycles by how they ended.', ['result']),
    duration: histogram(registry),
    changes: counter('changes_total', 'Changes that were tried or skipped.', ['kind', 'verb', 'result']),
    resources: gauge('resources', 'Resources by kind and state at the last plan.', ['kind', 'state']),
    lastSuccess: gauge(
      'last_success_timestamp_seconds',
      'When a cycle last left the host as Git says; 0 never.',
    ),
    lastFetch: gauge('last_fetch_timestamp_seconds', 'When the remote last answered; 0 never.'),
    lastCycle: gauge('last_cycle_timestamp_seconds', 'When the last cycle began; 0 never.'),
    problems: gauge('problems', 'Problems in the repository at the last cycle.', ['severity']),
    policy: gauge('policy_findings', 'Rules that services break; an error holds its service back.', [
      'severity',
    ]),
    exceptions: gauge('policy_exceptions', 'Broken rules that a service.yaml allows.'),
    held: gauge('held', 'Whether a commit waits for approval: 1 or 0.'),
    refused: gauge('commit_refused', 'Whether the newest commit is not applied for its signature: 1 or 0.'),
    backups: backupGauges(registry),
    routes: routeGauges(registry),
  };
  startAtZero(metrics);
  return metrics;
}

function histogram(registry: Registry): Histogram<'phase'> {
  return new Histogram({
    name: 'steward_cycle_duration_seconds',
    help: 'Duration of a cycle and of its phases.',
    labelNames: ['phase'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900],
    registers: [registry],
  });
}

const kinds = {
  group: 0,
  'zfs-dataset': 0,
  directory: 0,
  'docker-network': 0,
  'compose-stack': 0,
  'hub-attachment': 0,
  'caddy-route': 0,
  'dns-record': 0,
  'borg-repository': 0,
  backup: 0,
} satisfies {
  [K in Change['kind']]: 0;
};
const verbs = { create: 0, update: 0, replace: 0, delete: 0, run: 0 } satisfies { [V in ChangeVerb]: 0 };
const results = { applied: 0, failed: 0, skipped: 0 } satisfies { [R in ChangeResult]: 0 };

function changesAtZero({ changes }: Metrics): void {
  for (const kind of Object.keys(kinds)) {
    for (const verb of Object.keys(verbs)) {
      for (const result of Object.keys(results)) changes.inc({ kind, verb, result }, 0);
    }
  }
}

/** An alert on an increase needs the series before its first event. */
function startAtZero(metrics: Metrics): void {
  for (const result of cycleResults) metrics.cycles.inc({ result }, 0);
  changesAtZero(metrics);
  for (const phase of phases) metrics.duration.zero({ phase });
  for (const severity of ['error', 'warning']) {
    metrics.problems.set({ severity }, 0);
    metrics.policy.set({ severity }, 0);
  }
}
