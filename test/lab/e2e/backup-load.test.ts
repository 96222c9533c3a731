import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { history, leftBehind, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';
import { git } from './support/lab-files.ts';

/**
 * A PostgreSQL that is written to all the time, by one client that goes on wherever it can: through the backup, and
 * after the restore. What it was told to be committed is in /root/acknowledged, one number a line.
 */
let lab: Homelab;

const writer = `#!/bin/bash
row='insert into load default values returning n;'
pause='do $$ begin perform pg_sleep(0.1); end $$;'
while :; do
  yes "$row $pause" | docker exec -i git-database psql -U app -qAt >> /root/acknowledged 2> /dev/null
  sleep 0.2
done
`;

beforeAll(async () => {
  lab = await startBackupLab();
  await sql('create table load (n bigserial primary key, at timestamptz not null default clock_timestamp())');
  await lab.vm.writeFile('/root/writer', writer, '755');
  await lab.run('setsid /root/writer > /dev/null 2>&1 &');
  await acknowledgedMore(30);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const sql = async (statement: string) =>
  (await lab.run(`docker exec git-database psql -U app -qAtc "${statement}"`)).trim();

/** The last row that the client was told to be committed. */
const lastAcknowledged = async () => Number(await lab.run("grep -E '^[0-9]+$' /root/acknowledged | tail -1"));

/** Waits until so many more are. */
async function acknowledgedMore(rows: number): Promise<void> {
  const count = 'wc -l < /root/acknowledged';
  await lab.run(
    `touch /root/acknowledged; before=$(${count}); until [ $(${count}) -ge $((before + ${rows})) ]; do sleep 0.2; done`,
  );
}

const startedAt = () => sql('select pg_postmaster_start_time()');

/** All rows from before `instant`, in order. */
const saveRows = (file: string, instant: string) =>
  lab.run(
    `docker exec git-database psql -U app -qAtc "select n, at from load where at < '${instant}' order by n" > ${file}`,
  );

const lines = async (file: string) => Number(await lab.run(`wc -l < ${file}`));
const lastRow = async (file: string) => Number(await lab.run(`tail -1 ${file} | cut -d'|' -f1`));

/** Back in time, with the client trying to write all along; then what is there from before its start. */
async function restore(file: string): Promise<void> {
  const { exitCode, stdout, stderr } = await lab.steward('restore git --yes');
  expect(`${stdout}${stderr}`).toContain('git  restored from git-');
  expect(exitCode).toBe(0);
  await saveRows(file, await startedAt());
  await acknowledgedMore(10);
}

/** Every page can be read, and index and table agree. */
async function expectSound(): Promise<void> {
  await lab.run('docker exec git-database pg_dump -U app -f /dev/null');
  const seq = 'set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off;';
  const scans = await sql(
    `begin isolation level repeatable read; ${seq} select count(*), sum(n) from load; reset all; set enable_seqscan = off; select count(*), sum(n) from load where n > 0; commit`,
  );
  const [table, index] = scans.split('\n');
  expect(index).toBe(table);
  expect(await sql('select pg_is_in_recovery()')).toBe('f');
}

describe('a backup of a database that is written to all the time', () => {
  test('with its containers stopped holds every row from before, and none from after', async () => {
    const known = await lastAcknowledged();
    expect((await lab.steward('backup run git')).exitCode).toBe(0);
    const since = await startedAt();
    await acknowledgedMore(30);
    await saveRows('/root/archived', since);
    expect(Number(await sql(`select count(*) from load where at >= '${since}'`))).toBeGreaterThan(0);

    await restore('/root/restored');
    await lab.run('cmp /root/archived /root/restored');
    expect(await lastRow('/root/restored')).toBeGreaterThanOrEqual(known);
    // The client is alone: no number is missing.
    expect(await lines('/root/restored')).toBe(await lastRow('/root/restored'));
    await expectSound();
  });

  test('and with nothing stopped at all holds what was committed at one instant', async () => {
    const live = git['services/git/service.yaml'] ?? '';
    await lab.push({ 'services/git/service.yaml': `${live}backup: { quiesce: none }\n` });
    await lab.converge();
    const start = await startedAt();
    await acknowledgedMore(30);
    const known = await lastAcknowledged();
    expect((await lab.steward('backup run git')).exitCode).toBe(0);
    const later = await lastAcknowledged();
    expect(await startedAt()).toBe(start);
    expect(later).toBeGreaterThan(known);
    await acknowledgedMore(30);
    await saveRows('/root/live', 'infinity');

    await restore('/root/restored');
    const last = await lastRow('/root/restored');
    expect(last).toBeGreaterThanOrEqual(known);
    expect(last).toBeLessThan(later);
    // What is there is the beginning of what was: no row before the last one is missing.
    await lab.run('head -n $(wc -l < /root/restored) /root/live | cmp - /root/restored');
    await expectSound();
  });

  test('leaves nothing behind but what the restore has kept', async () => {
    const { snapshots, ...others } = await leftBehind(lab);
    expect(others).toEqual({ mounts: '0', processes: '0', undo: '0' });
    expect(snapshots.every((name) => name.includes('@steward-before-restore-'))).toBe(true);
    const runs = (await history(lab, 'git')).map(({ what, result }) => `${what} ${result}`);
    expect(runs).toEqual(['archive done', 'restore done', 'archive done', 'restore done']);
  });
});
