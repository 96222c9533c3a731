import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBackupRecord, writeBackupRecord } from '../../reconciler/state/backups.ts';
import { repositoryLock, takeLock } from '../../reconciler/state/lock.ts';
import { writeProgress } from '../../reconciler/state/progress.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { start, steward } from './steward.ts';

/** What is seen of a backup while it is under way, from elsewhere. */

const withBackup = `${labYaml}backup: { repository: /backup, schedule: "0 0 1 1 *", passphrase: { file: /etc/steward/words } }\n`;
const lockName = repositoryLock('/backup/datapool_services_blog');
let lab: Lab;

beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await steward(['reconcile', '--once', ...lab.flags]);
});
afterAll(() => lab.remove());

const status = async () => (await steward(['status', '--state-dir', lab.stateDir])).stdout;

/** As another process has it that is in the middle of an upload. */
function beginElsewhere() {
  const store = openStore(lab.stateDir);
  const record = { ...newBackupRecord('blog', Date.now()), runningSinceMs: Date.now() - 200_000 };
  writeBackupRecord(store, { ...record, runningLock: lockName });
  const counted = { files: 1204, bytes: 3_400_000_000, totalBytes: null };
  writeProgress(store, { service: 'blog', step: 'borg-create', ...counted });
  store.close();
  const lock = takeLock(lab.stateDir, { command: 'reconcile', sinceMs: Date.now() }, 0, lockName);
  if (!lock.ok) throw new Error('somebody has the lock');
  return lock.lock;
}

describe('a backup in another process', () => {
  it('is in the status, with what it is at, for as long as that process lives', async () => {
    expect(await status()).toMatch(/\nblog {2}archive never {2}next in \S+ \w+/);
    const lock = beginElsewhere();
    expect(await status()).toMatch(
      /\nblog {2}archive never {2}running since 3 min .*\n {4}archiving, 1,204 files, 3\.40 GB\n/,
    );
    lock.release();
    expect(await status()).toMatch(/\nblog {2}archive never {2}next in \S+ \w+/);
    expect(await status()).not.toContain('archiving');
  });
});

describe('plan', () => {
  it('says of a backup whose process is dead what becomes of it, and not that it is under way', async () => {
    const plan = async () => {
      const { stdout } = await steward(['plan', '--output', 'json', ...lab.flags]);
      const { changes, reports, backups } = JSON.parse(stdout) as Record<
        string,
        { id: string; state: string }[]
      >;
      const ids = [changes, reports].map((found = []) => found.map(({ id }) => id).includes('backup:blog'));
      return [...ids, backups?.find((each) => 'service' in each && each.service === 'blog')?.state];
    };
    const lock = beginElsewhere();
    using db = new DatabaseSync(join(lab.stateDir, 'state.db'));
    db.exec('UPDATE backups SET first_seen_ms = 0');
    try {
      expect(await plan()).toEqual([false, true, 'running']);
      lock.release();
      expect(await plan()).toEqual([true, false, 'due']);
    } finally {
      db.exec(`UPDATE backups SET first_seen_ms = ${Date.now()}`);
    }
  });

  it('says when the next archives come, and how old the last ones are', async () => {
    await steward(['backup', 'run', 'blog', ...lab.flags]);
    const { stdout } = await steward(['plan', ...lab.flags]);
    expect(stdout).toMatch(
      /\nbackups: 1 up to date, 1 with no archive yet \(wiki\); the oldest archive is that of blog, .*; next: blog in \S+ \w+\n/,
    );
    const verbose = await steward(['plan', '--verbose', ...lab.flags]);
    expect(verbose.stdout).toMatch(/\nblog {2}archive (just now|\d+ s ago) +next in \S+ \w+/);
    expect(verbose.stdout).toMatch(/\nwiki {2}archive never +next in \S+ \w+/);
    const json = await steward(['plan', '--output', 'json', ...lab.flags]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      backups: [
        { service: 'blog', state: 'done' },
        { service: 'wiki', state: 'done', lastArchive: null },
      ],
    });
  });
});

it('the daemon logs the begin, each step and the end of a backup', async () => {
  // As if it had been declared years ago: the tick of New Year has no archive.
  using db = new DatabaseSync(join(lab.stateDir, 'state.db'));
  db.exec('UPDATE backups SET first_seen_ms = 0');
  const child = start(['reconcile', ...lab.flags, '--interval', '60s', '--listen', '127.0.0.1:0'], {
    buffer: false,
  });
  try {
    const lines: { msg: string; id: string; step: string; why: string[] }[] = [];
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      lines.push(JSON.parse(line));
      if (lines.at(-1)?.msg === 'change applied' && lines.at(-1)?.id === 'backup:wiki') break;
    }
    const own = lines.filter(({ id }) => id === 'backup:wiki');
    expect(own.map(({ msg, step = '' }) => `${msg} ${step}`.trim())).toEqual([
      'change begun',
      'step begun containers-stop',
      'step begun zfs-snapshot',
      'step begun containers-start',
      'step begun borg-create',
      'step begun zfs-destroy-snapshots',
      'change applied',
    ]);
    expect(own[0]?.why).toEqual([expect.stringContaining('due since')]);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});
