import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBackups } from '../../reconciler/state/backups.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { metricsOfDaemon } from './daemon.ts';
import { type Lab, labYaml, leaveFromAhead, newLab } from './lab.ts';
import { expectRefusal, steward } from './steward.ts';

/**
 * A commit that waits for a person, by an accident or not by him: nothing of it is done, what it would remove is told of
 * as ever, and is backed up as ever.
 */

const backup = 'backup: { repository: /backup, passphrase: { file: /etc/steward/words }, ';
const schedule = 'schedule: "0 0 1 1 *"';
const brakes = 'limits: { removals: { count: 0, percent: 10 } }\n';
/** Of the archives of the schedule one is kept. */
const withBackup = `${labYaml}${brakes}${backup}${schedule}, retention: { daily: 1 } }\n`;
/** It removes one of two services, and keeps other archives. */
const removing = {
  'lab.yaml': `${labYaml}${brakes}${backup}${schedule}, retention: { yearly: 1 } }\n`,
  'services/wiki': null,
};
let lab: Lab;
let good = '';
let held = '';

const command = (...args: string[]) => steward([...args, ...lab.flags]);

function archivesOf(service: string): string[] {
  const store = openStore(lab.stateDir);
  try {
    const known = readBackups(store).archives.get(`/backup/datapool_services_${service}`) ?? [];
    return known.map(({ name }) => name);
  } finally {
    store.close();
  }
}

/** As if it had been declared years ago: the tick of New Year has no archive. */
function seenForYears(): void {
  using db = new DatabaseSync(join(lab.stateDir, 'state.db'));
  db.exec('UPDATE backups SET first_seen_ms = 0');
}

async function status() {
  const { stdout } = await steward(['status', '--state-dir', lab.stateDir, '--output', 'json']);
  return JSON.parse(stdout) as {
    commit: string;
    appliedCommit: string;
    held: { note: string } | null;
    services: { name: string; state: string }[];
    backups: { service: string; state: string; overdueSince: number | null; why: string | null }[];
    orphans: string[];
  };
}

async function holding(): Promise<void> {
  lab = await newLab();
  good = await lab.commit('Back up', { 'lab.yaml': withBackup });
  await command('reconcile', '--once');
}

const sentence = (what: string) =>
  `steward: ${held.slice(0, 7)} "Oops" is held (limits.removals: 2 services → 1 service) until \`steward approve ${held.slice(0, 12)}\`; ${what} by ${good.slice(0, 7)}, the last good commit\n`;

/** Of which a retention of one a day keeps the newest. */
const ofOldTicks = ['blog-2024-01-01T00:00:00Z', 'blog-2025-01-01T00:00:00Z'];

/** One by hand, and those of old ticks. */
async function archived(): Promise<void> {
  await command('backup', 'run', 'blog');
  const [made = ''] = archivesOf('blog');
  for (const name of ofOldTicks) await leaveFromAhead(lab, made, name);
  await command('archives', 'blog', '--refresh');
}

describe('while a commit is held, a command', () => {
  beforeAll(async () => {
    await holding();
    await archived();
    held = await lab.commit('Oops', removing);
  });
  afterAll(() => lab.remove());

  it.each([
    ['archives', 'wiki'],
    ['archives', 'wiki', '--refresh'],
    ['backup', 'run', 'wiki'],
    ['backup', 'run', '--all', '--together'],
    ['backup', 'check', 'wiki'],
    ['restore', 'wiki', '--yes'],
    ['archives', 'blog', '--output', 'json'],
  ])('%s %s %s goes by the last good one, and says so once', async (...args) => {
    const { code, stderr } = await command(...args);
    expect(stderr.split(sentence('this goes'))).toHaveLength(2);
    expect(stderr.startsWith(sentence('this goes'))).toBe(true);
    expect(code).toBe(0);
  });

  it('backup run --all backs up what the commit would remove', async () => {
    const before = archivesOf('wiki');
    expect((await command('backup', 'run', '--all')).code).toBe(0);
    expect(archivesOf('wiki')).toHaveLength(before.length + 1);
  });

  it('keys names what the commit would remove', async () => {
    const { stdout } = await command('keys');
    expect(stdout).toContain('/backup/datapool_services_wiki');
  });

  it('prunes and deletes nothing', async () => {
    const before = archivesOf('blog');
    const { stderr } = await command('backup', 'run', 'blog');
    expect(stderr).not.toContain('deleted');
    expect(archivesOf('blog').slice(1)).toEqual(before);
    expect(archivesOf('blog')).toEqual(expect.arrayContaining(ofOldTicks));
    const [oldest = ''] = ofOldTicks;
    const refused = await command('delete-archive', 'blog', oldest, '--confirm', oldest);
    expectRefusal(refused, /is held: nothing is deleted until it is approved or another one is pushed/);
    expect(archivesOf('blog')).toContain(oldest);
  });

  it('plan says what goes on, of all that was declared', async () => {
    const { code, stdout } = await command('plan');
    expect(code).toBe(2);
    expect(stdout).toContain(
      `until \`steward approve ${held.slice(0, 12)}\` nothing is done but backups, by the commit in force, and nothing is pruned`,
    );
    expect(stdout).toContain('backups: 2 ');
  });
});

describe('while a commit is held, a cycle', () => {
  beforeAll(async () => {
    await holding();
    await archived();
    const [today = ''] = archivesOf('blog');
    await command('delete-archive', 'blog', today, '--force', '--confirm', today);
    held = await lab.commit('Oops', removing);
  });
  afterAll(() => lab.remove());

  it('tells of all that the host has, and calls nothing orphaned', async () => {
    const { code } = await command('reconcile', '--once');
    expect(code).toBe(1);
    const told = await status();
    expect(told).toMatchObject({ commit: held, appliedCommit: good, orphans: [] });
    expect(told.held?.note).toContain('removes 1 of 2 services (50 %): wiki');
    expect(told.services).toMatchObject([
      { name: 'blog', state: 'in-sync' },
      { name: 'wiki', state: 'in-sync' },
    ]);
    expect(told.backups.map(({ service }) => service)).toEqual(['blog', 'wiki']);
  });

  it('makes what is due by the last good commit, says so, and deletes nothing', async () => {
    seenForYears();
    const before = archivesOf('blog');
    expect(before).toEqual(ofOldTicks.toReversed());
    const { code, stdout, stderr } = await command('reconcile', '--once');
    expect(code).toBe(1);
    expect(stderr).toContain(sentence('backups go'));
    expect(stdout).toMatch(/Held, nothing is done/);
    expect(stdout).toMatch(/✓ backup +wiki /);
    expect(stdout).not.toContain('deleted');
    expect(archivesOf('blog')).toEqual([expect.stringMatching(/-01-01T00:00:00Z$/), ...before]);
    expect((await status()).backups).toMatchObject([{ state: 'done' }, { state: 'done' }]);
  });

  it('says nothing of backups where none is due', async () => {
    const { stderr } = await command('reconcile', '--once');
    expect(stderr).toBe('');
  });

  it('goes by the commit as soon as it is approved', async () => {
    await command('approve', held);
    const { code } = await command('reconcile', '--once');
    expect(code).toBe(0);
    const told = await status();
    expect(told).toMatchObject({ appliedCommit: held, held: null });
    expect(told.services.map(({ name }) => name)).toEqual(['blog']);
    expect(told.backups.map(({ service }) => service)).toEqual(['blog']);
    expect(told.orphans).toContain('zfs-dataset:datapool/services/wiki');
    // What left is read with what was known of it.
    expect((await command('archives', 'wiki')).code).toBe(0);
  });
});

describe('a daemon', () => {
  beforeAll(async () => {
    await holding();
    seenForYears();
    held = await lab.commit('Oops', removing);
  });
  afterAll(() => lab.remove());

  it('that is started while a commit is held makes what is due, and tells of all backups', async () => {
    const metrics = await metricsOfDaemon(
      lab.flags,
      (msg) => msg === 'change applied' && archivesOf('wiki').length > 0 && archivesOf('blog').length > 0,
    );
    expect(metrics).toContain('steward_held 1');
    for (const service of ['blog', 'wiki'])
      expect(metrics).toContain(`steward_backup_overdue{service="${service}"} 0`);
    expect(metrics).toContain('steward_resources{kind="compose-stack",state="in_sync"} 2');
    expect(metrics).toContain('steward_resources{kind="zfs-dataset",state="orphaned"} 0');
  });
});
