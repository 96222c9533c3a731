import { expect, it } from 'vitest';
import { recordBackups } from '../../metrics/backups.ts';
import { record, seed } from '../../metrics/record.ts';
import { createMetrics } from '../../metrics/registry.ts';
import { ListenError, MetricsServer } from '../../metrics/server.ts';
import { run } from '../../tools/run.ts';
import { photo } from '../render/sample.ts';

const cycle = {
  at: 5000,
  result: 'changed',
  phases: { total: 1500 },
  plan: photo,
  outcomes: [],
  fetchedAt: 4000,
  refused: false,
  problems: [],
} as const;

const photoBackup = {
  service: 'photo',
  lastArchiveAt: 1_700_000_000_000,
  files: 12,
  bytes: 3400,
  deduplicatedBytes: 10,
  durationMs: 9500,
  downtimeMs: 1200,
  lastProvenRestoreAt: null,
  lastCheckAt: 1_700_000_100_000,
  keyExportedAt: 0,
  damaged: false,
  uncovered: 2,
  pruneHeld: true,
  overdue: true,
  running: true,
  failures: 2,
};

function recorded() {
  const metrics = createMetrics({ version: '0.1.0', node: '24' });
  record(metrics, { ...cycle, outcomes: [], problems: [] });
  recordBackups(metrics.backups, [photoBackup]);
  return metrics;
}

it('promtool finds nothing to say about the metrics (needs the package prometheus)', async () => {
  const result = await run('promtool', ['check', 'metrics'], { input: await recorded().registry.metrics() });
  expect(result).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
});

it('backups are told in seconds, and a service that is gone goes away', async () => {
  const { registry, backups } = recorded();
  const text = await registry.metrics();
  expect(text).toContain('steward_backup_last_archive_timestamp_seconds{service="photo"} 1700000000\n');
  expect(text).toContain('steward_backup_last_run_downtime_seconds{service="photo"} 1.2\n');
  expect(text).toContain('steward_backup_last_archive_bytes{service="photo"} 3400\n');
  expect(text).toContain('steward_backup_overdue{service="photo"} 1\n');
  expect(text).toContain('steward_backup_uncovered_mounts{service="photo"} 2\n');
  expect(text).toContain('steward_backup_key_exported_timestamp_seconds{service="photo"} 0\n');
  expect(text).toContain('steward_backup_prune_held{service="photo"} 1\n');
  expect(text).not.toMatch(/^steward_backup_last_proven_restore_timestamp_seconds\{/m);
  recordBackups(backups, [{ ...photoBackup, service: 'git', lastArchiveAt: null }]);
  const later = await registry.metrics();
  expect(later).not.toContain('service="photo"');
  expect(later).not.toMatch(/^steward_backup_last_archive_timestamp_seconds\{/m);
});

it('a second commit replaces the first, and kinds that vanish go away', async () => {
  const metrics = recorded();
  const plan = { ...photo, commit: { ...photo.commit, id: 'b'.repeat(40) }, changes: [], reports: [] };
  record(metrics, { ...cycle, plan, outcomes: [], problems: [] });
  const text = await metrics.registry.metrics();
  expect(text.match(/^steward_commit_info\{/gm)).toHaveLength(1);
  expect(text).not.toMatch(/^steward_resources\{/m);
  expect(text).toContain('steward_cycles_total{result="failed"} 0');
});

it('a commit that was refused stays so while the remote does not answer', async () => {
  const metrics = recorded();
  const refused = async (cycleOver: { fetchedAt: number | null; refused: boolean }) => {
    record(metrics, { ...cycle, ...cycleOver, outcomes: [], problems: [] });
    return (await metrics.registry.metrics()).match(/^steward_commit_refused (\d)$/m)?.[1];
  };
  expect(await refused({ fetchedAt: 6000, refused: true })).toBe('1');
  expect(await refused({ fetchedAt: null, refused: false })).toBe('1');
  expect(await refused({ fetchedAt: 7000, refused: false })).toBe('0');
});

it('a restart does not begin at never', async () => {
  const metrics = createMetrics({ version: '0.1.0', node: '24' });
  seed(metrics, { cycleAt: 9000, successAt: 5000, fetchedAt: null, refused: true });
  const text = await metrics.registry.metrics();
  expect(text).toContain('steward_last_cycle_timestamp_seconds 9\n');
  expect(text).toContain('steward_last_success_timestamp_seconds 5\n');
  expect(text).toContain('steward_last_fetch_timestamp_seconds 0\n');
  expect(text).toContain('steward_commit_refused 1\n');
});

it('the server tells health by the age of the last cycle and names a port that is taken', async () => {
  let now = 0;
  const options = {
    registry: recorded().registry,
    host: '127.0.0.1',
    intervalMs: 1000,
    now: () => now,
    lastCycleAt: () => 0,
    status: () => ({ a: 1 }),
  };
  const server = new MetricsServer({ ...options, port: 0 });
  const address = await server.start();
  try {
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    now = 3001;
    expect((await fetch(`${address}/healthz`)).status).toBe(503);
    expect(await (await fetch(`${address}/status`)).json()).toEqual({ a: 1 });
    const second = new MetricsServer({ ...options, port: Number(new URL(address).port) });
    await expect(second.start()).rejects.toThrow(ListenError);
    await second.stop();
  } finally {
    await server.stop();
  }
});
