import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readBackup, writeBackupRecord } from '../../reconciler/state/backups.ts';
import { editProof } from '../../reconciler/state/proofs.ts';
import { openStore, type Store } from '../../reconciler/state/store.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { type Lab, labYaml, newLab } from './lab.ts';
import { steward } from './steward.ts';

/** What cron is told: nothing is to be done about it, and yet it is wrong. */
let lab: Lab;
let withBackup: string;
const hourMs = 3_600_000;
const once = () => steward(['reconcile', '--once', ...lab.flags]);
const status = () => steward(['status', '--state-dir', lab.stateDir]);

beforeEach(async () => {
  lab = await newLab(['blog']);
  const hour = new Date(Date.now() - 2 * hourMs).getUTCHours();
  const times = `schedule: "0 ${hour} * * *", timezone: UTC`;
  withBackup = `${labYaml}backup: { repository: /backup, passphrase: { file: /etc/steward/words }, ${times} }\n`;
  await lab.commit('Back up', { 'lab.yaml': withBackup });
  await once();
});
afterEach(() => lab.remove());

function edit(change: (store: Store) => void): void {
  const store = openStore(lab.stateDir);
  try {
    change(store);
  } finally {
    store.close();
  }
}

it('reports that are no alarm, such as a key that nobody exported, leave exit 0', async () => {
  const { code, stdout } = await once();
  expect(stdout).toMatch(/key not exported.*\n(.*\n)*Nothing to do: /);
  expect(code).toBe(0);
  expect(await status()).toMatchObject({ code: 0 });
});

it('damage that is known is exit 1 of each reconcile --once and of status, until it is gone', async () => {
  const found = (result: 'bad' | 'good') => () => ({
    ...{ result, atMs: Date.now(), goodMs: result === 'good' ? Date.now() : null },
    message: 'borg check found damage: chunk missing',
  });
  edit((store) => editProof(store, 'full', '/backup/datapool_services_blog', found('bad')));
  for (let run = 0; run < 2; run += 1) {
    const { code, stdout } = await once();
    expect(stdout).toContain('degraded: borg check found damage: chunk missing\n');
    expect(stdout).toContain('\nnothing to change · 1 degraded\n');
    expect(code).toBe(1);
  }
  const { code, stdout } = await status();
  const id = 'borg-repository:datapool/services/blog';
  expect(stdout).toContain(`! ${id}  degraded; steward plan says why\n`);
  expect(stdout).toMatch(/1 service: 1 in-sync · 1 degraded\n$/);
  expect(code).toBe(1);
  const json = await steward(['status', '--output', 'json', '--state-dir', lab.stateDir]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    lastCycle: { result: 'converged' },
    degraded: [id],
  });
  edit((store) => editProof(store, 'full', '/backup/datapool_services_blog', found('good')));
  expect(await once()).toMatchObject({ code: 0 });
  expect(await status()).toMatchObject({ code: 0 });
});

/** As if it had been declared long ago: the last tick has no archive. */
function owed(store: Store): void {
  const record = readBackup(store, 'blog');
  if (record === null) throw new Error('no record of blog');
  writeBackupRecord(store, { ...record, firstSeenMs: record.firstSeenMs - 48 * hourMs });
}

it('an archive that is made, and lacks what is mounted inside, is exit 1', async () => {
  edit(owed);
  const file = join(lab.stateDir, 'simulated-host');
  const { drift } = simulatedHost({ file, now: Date.now, resolveStack: async () => [] });
  drift({ drift: 'createDataset', dataset: 'datapool/services/blog/library', properties: {} });
  const { code, stdout } = await once();
  expect(stdout).toContain('✓ backup  blog  ran');
  expect(code).toBe(1);
});

it('an archive that was missed is exit 1', async () => {
  await lab.commit('Not by day', { 'lab.yaml': withBackup.replace('UTC', 'UTC, startingDeadline: 1m') });
  edit(owed);
  const { code, stdout } = await once();
  expect(stdout).toContain('was not made within startingDeadline');
  expect(code).toBe(1);
  expect(await status()).toMatchObject({ code: 1 });
});
