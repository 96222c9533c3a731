import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricsOfDaemon } from './daemon.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { steward } from './steward.ts';

/** While the newest commit is bad nothing is done but backups, by the last good one, and that one is told of. */

const withBackup = `${labYaml}backup: { repository: /backup, schedule: "0 0 1 1 *", passphrase: { file: /etc/steward/words } }\n`;
let lab: Lab;
let good = '';
let bad = '';

beforeAll(async () => {
  lab = await newLab();
  good = await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
  // As if it had been declared years ago: the tick of New Year has no archive.
  using db = new DatabaseSync(join(lab.stateDir, 'state.db'));
  db.exec('UPDATE backups SET first_seen_ms = 0');
  bad = await lab.commit('Oops', { 'lab.yaml': withBackup.replace('name:', 'nmae:') });
});
afterAll(() => lab.remove());

describe('while the newest commit is bad', () => {
  it('a backup that is due is made by the last good one, which is said', async () => {
    const { stdout, stderr, code } = await steward(['reconcile', '--once', ...lab.flags]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^steward: \w{7} "Oops" is not valid \(lab\.yaml:1: .*; backups go by \w{7}, the last good commit\n$/,
    );
    expect(stdout).toContain(`Nothing else was changed: ${bad.slice(0, 7)} "Oops" is not valid.\n`);
    for (const name of ['blog', 'wiki']) expect(stdout).toMatch(new RegExp(`✓ backup +${name} `));
  });

  it('status tells what the host is at, its services and backups', async () => {
    const { stdout, code } = await steward(['status', '--state-dir', lab.stateDir]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `commit      ${bad.slice(0, 7)}, not applied; the host is at ${good.slice(0, 7)}\n`,
    );
    expect(stdout).toMatch(/\nlast cycle {2}bad-commit /);
    expect(stdout).not.toContain('as it was');
    expect(stdout).toMatch(/\n2 services: 2 in-sync · 2 problems\n/);
    expect(stdout).toMatch(/\nblog {2}archive .* ago {2}/);
  });

  it('it cannot be approved: there is nothing that a cycle could apply', async () => {
    const { code, stderr, stdout } = await steward(['approve', bad.slice(0, 7), ...lab.flags]);
    expect(stderr).toMatch(
      /^steward: \w{12} "Oops" is not valid, so that there is nothing to approve: lab\.yaml:\d+:1: /,
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('a second look changes no word of it', async () => {
    const status = async () => {
      await steward(['reconcile', '--once', ...lab.flags]);
      const { stdout } = await steward(['status', '--state-dir', lab.stateDir, '--output', 'json']);
      const { lastCycle: _last, ...rest } = JSON.parse(stdout);
      return rest;
    };
    expect(await status()).toEqual(await status());
  });

  it('a daemon that is started then tells of the backups in its metrics', async () => {
    const metrics = await metricsOfDaemon(lab.flags, (msg) => msg === 'cycle');
    expect(metrics).toContain('steward_cycles_total{result="bad_commit"} 1');
    expect(metrics).toMatch(/^steward_last_success_timestamp_seconds 1\d{9}/m);
    expect(metrics).toContain('steward_backup_overdue{service="blog"} 0');
    expect(metrics).toContain('steward_backup_overdue{service="wiki"} 0');
    expect(metrics).toContain('steward_resources{kind="compose-stack",state="in_sync"} 2');
  });
});
