import { expect, it } from 'vitest';
import { record } from '../../metrics/record.ts';
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
  problems: [],
} as const;

function recorded() {
  const metrics = createMetrics({ version: '0.1.0', node: '24' });
  record(metrics, { ...cycle, outcomes: [], problems: [] });
  return metrics;
}

it('promtool finds nothing to say about the metrics (needs the package prometheus)', async () => {
  const result = await run('promtool', ['check', 'metrics'], { input: await recorded().registry.metrics() });
  expect(result).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
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
