import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeLock } from '../../reconciler/state/lock.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { start, steward } from './steward.ts';

/** What `status` says where nobody has looked at the host for a while. */

const daysMs = 86_400_000;
const withBackup = `${labYaml}backup: { repository: /backup, schedule: "0 0 1 1 *", passphrase: { file: /etc/steward/words } }\n`;
const silence =
  /\nno cycle {4}for 400 days, where the daemon looked every 1 min: what follows is as it was then\. Is it running\? systemctl status steward; steward reconcile --once looks once\n/;
let lab: Lab;

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
});
afterAll(() => lab.remove());

const status = (...args: string[]) => steward(['status', '--state-dir', lab.stateDir, ...args]);

/** As if everything had been so long ago. */
function goBy(days: number): void {
  using db = new DatabaseSync(join(lab.stateDir, 'state.db'));
  const { detail } = db.prepare('SELECT detail FROM cycles ORDER BY seq DESC').get() as { detail: string };
  const earlier = (key: string, value: unknown) =>
    key === 'nextAt' && typeof value === 'number' ? value - days * daysMs : value;
  const moved = JSON.stringify(JSON.parse(detail, earlier));
  db.prepare('UPDATE cycles SET at_ms = at_ms - ?, detail = ?').run(days * daysMs, moved);
}

/** Until the end of its first cycle. */
async function runDaemon(): Promise<void> {
  const args = ['reconcile', ...lab.flags, '--interval', '60s', '--listen', '127.0.0.1:0'];
  const child = start(args, { buffer: false });
  try {
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream }))
      if ((JSON.parse(line) as { msg: string }).msg === 'cycle') break;
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

describe('a daemon that is no more', () => {
  beforeAll(async () => {
    await runDaemon();
  });

  it('is no news while its next cycle may still come', async () => {
    const { code, stdout } = await status();
    expect(stdout).not.toContain('no cycle');
    expect(code).toBe(0);
  });

  it('is told after that, with what to do, and the exit code is 1', async () => {
    goBy(400);
    const { code, stdout } = await status();
    expect(stdout).toMatch(silence);
    expect(stdout).toMatch(/\nblog {2}archive never {2}overdue since \d+ days /);
    expect(code).toBe(1);
    const told = JSON.parse((await status('--output', 'json')).stdout);
    expect(told).toMatchObject({ intervalMs: 60_000, silentSince: expect.any(Number) });
    expect(told.backups[0]).toMatchObject({ state: 'due', since: told.backups[0].overdueSince });
  });

  it('is not told while somebody is in the middle of a cycle', async () => {
    const lock = takeLock(lab.stateDir, { command: 'reconcile', sinceMs: Date.now() }, 0);
    try {
      const { code, stdout } = await status();
      expect(stdout).toContain('\nat work ');
      expect(stdout).not.toContain('no cycle');
      expect(code).toBe(0);
    } finally {
      if (lock.ok) lock.lock.release();
    }
  });
});

it('who runs it once in a while is told what is overdue, and nothing of a daemon', async () => {
  await steward(['reconcile', '--once', ...lab.flags]);
  goBy(400);
  const { code, stdout } = await status();
  expect(stdout).toMatch(/\nlast cycle {2}\S+ 400 days ago/);
  expect(stdout).toMatch(/overdue since \d+ days /);
  expect(stdout).not.toContain('no cycle');
  expect(code).toBe(0);
});

it('while the repository does not answer status exits 1, as the cycle did', async () => {
  await steward(['reconcile', '--once', ...lab.flags]);
  renameSync(lab.remote, `${lab.remote}.away`);
  const { code } = await steward(['reconcile', '--once', ...lab.flags]);
  const shown = await status();
  expect(shown.stdout).toMatch(/\nrepository {2}\S.* stays in force\n/);
  expect(shown.stdout).toMatch(/\nlast cycle {2}(converged|changed) /);
  expect([code, shown.code]).toEqual([1, 1]);
});
