import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cycleResults } from '../../metrics/types.ts';
import { run } from '../../tools/run.ts';

/** The example alerts of docs/metrics.md, as Prometheus understands them: they fire when they should, and only then. */

interface Rule {
  alert: string;
  expr: string;
  for?: string;
}

/** Called by the metric that they are about. */
function rulesOfDocs(): Rule[] {
  const rows = readFileSync('docs/metrics.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  return rows.map((row) => {
    const cells = row.split(' | ');
    const [, alert = ''] = /`([^`]+)`/.exec(cells[0] ?? '') ?? [];
    const [, expr = '', held] = /`([^`]+)`(?: for (\w+))?/.exec(cells.at(-1) ?? '') ?? [];
    return { alert, expr, ...(held === undefined ? {} : { for: held }) };
  });
}

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'steward-alerts-'));
  await writeFile(
    join(dir, 'rules.yml'),
    JSON.stringify({ groups: [{ name: 'docs', rules: rulesOfDocs() }] }),
  );
});
afterAll(() => rm(dir, { recursive: true }));

it('each metric has one, and promtool reads them all (needs the package prometheus)', async () => {
  expect(rulesOfDocs().every(({ expr }) => expr.includes('steward_'))).toBe(true);
  const { exitCode, stdout } = await run('promtool', ['check', 'rules', join(dir, 'rules.yml')]);
  expect(stdout).toContain(`SUCCESS: ${rulesOfDocs().length} rules found`);
  expect(exitCode).toBe(0);
});

it('the docs know every result of a cycle', () => {
  const [, told] = /\| result: ([a-z_, ]+) \| cycles by/.exec(readFileSync('docs/metrics.md', 'utf8')) ?? [];
  expect(told?.split(', ')).toEqual([...cycleResults]);
});

interface Told {
  /** Metric and what it says every ten minutes, in promtool's shorthand. */
  series: [string, string][];
  alert: string;
  /** Hour -> whether it fires. */
  fires: Record<number, boolean>;
}

const overdue = 'steward_backup_overdue';
const held = 'steward_backup_prune_held';

describe('an alert', () => {
  it.each<[string, Told]>([
    [
      'is silent during a first upload of days',
      {
        series: [
          [overdue, '0x6 1x500'],
          ['steward_backup_running', '0x6 1x500'],
        ],
        alert: overdue,
        fires: { 9: false, 60: false },
      },
    ],
    [
      'fires for a backup that fails each hour, and runs for a while each time',
      {
        series: [
          [overdue, '0x6 1x500'],
          [
            'steward_backup_running',
            '0 0 1 0 0 0 1 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1',
          ],
        ],
        alert: overdue,
        fires: { 3: false, 8: true },
      },
    ],
    [
      'stays for as long as pruning is held',
      { series: [[held, '0x6 1x500']], alert: held, fires: { 0: false, 2: true, 60: true } },
    ],
  ])('%s', async (name, told) => {
    const file = join(dir, `${name.replaceAll(/\W+/g, '-')}.yml`);
    await writeFile(file, JSON.stringify(testOf(told)));
    const { exitCode, stdout, stderr } = await run('promtool', ['test', 'rules', file]);
    expect({ exitCode, said: exitCode === 0 ? '' : stdout + stderr }).toEqual({ exitCode: 0, said: '' });
  });
});

function testOf({ series, alert, fires }: Told): object {
  const input_series = series.map(([name, values]) => ({ series: `${name}{service="photo"}`, values }));
  const alert_rule_test = Object.entries(fires).map(([hour, isFiring]) => ({
    eval_time: `${hour}h`,
    alertname: alert,
    exp_alerts: isFiring ? [{ exp_labels: { service: 'photo' } }] : [],
  }));
  return {
    rule_files: [join(dir, 'rules.yml')],
    evaluation_interval: '5m',
    tests: [{ interval: '10m', input_series, alert_rule_test }],
  };
}
