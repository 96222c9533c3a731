import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leftBehind, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';

/** The plug of the server is pulled while data is brought back, in place or on a new server. */
let lab: Homelab;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restore-plug-'));
  lab = await startBackupLab();
  await sql('create table counter (n serial); insert into counter select from generate_series(1, 500)');
  expect((await lab.steward('backup run git')).exitCode).toBe(0);
  await lab.run('tar -C / -czf /root/kept.tgz backup/borg srv/lab.git etc/steward');
  await lab.vm.pull('/root/kept.tgz', folder);
  await sql('insert into counter select from generate_series(1, 77)');
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const sql = (statement: string) => lab.run(`docker exec git-database psql -U app -qAtc "${statement}"`);
const rows = async () => Number(await sql('select count(*) from counter'));
const snapshots = async () => (await leftBehind(lab)).snapshots;

/** The server goes out as soon as the command says that it is at this, and comes up again. */
async function cutOff(command: string, at: string): Promise<void> {
  await lab.run(`setsid steward ${command} > /tmp/cut.log 2>&1 < /dev/null & pid=$!
    until grep -q "^git: ${at}" /tmp/cut.log; do kill -0 $pid || { cat /tmp/cut.log >&2; exit 1; }; sleep 0.05; done; sleep 0.5`);
  await lab.vm.powerCut();
  await lab.run('systemctl is-system-running --wait; docker info > /dev/null');
}

async function expectRunning(count: number): Promise<void> {
  const containers = Object.entries(await lab.containers());
  expect(containers.map(([name, { status }]) => `${name} ${status}`)).toEqual([
    'git-app running',
    'git-database running',
  ]);
  expect(await rows()).toBe(count);
}

describe('a restore that is cut off', { timeout: 20 * 60_000 }, () => {
  test.each(['restoring', 'starting its containers'])('while it is %s: all is as before', async (at) => {
    await cutOff('restore git --yes', at);
    expect((await lab.reconcile()).exitCode).toBe(0);
    await expectRunning(577);
    expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  });

  test('on its way back: that is gone to the end, and may be gone again', async () => {
    const { exitCode, stderr } = await lab.steward('restore git --yes');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(await rows()).toBe(500);
    await cutOff('restore git --undo --yes', 'going back');
    expect((await lab.reconcile()).exitCode).toBe(0);
    await expectRunning(577);
    expect(await snapshots()).toHaveLength(2);
    expect((await lab.steward('restore git --undo --yes')).exitCode).toBe(0);
    await expectRunning(577);
    expect(await snapshots()).toEqual([]);
  });
});

describe('a recovery that is cut off', { timeout: 20 * 60_000 }, () => {
  beforeAll(async () => {
    await lab.vm.reset();
    await lab.vm.push(join(folder, 'kept.tgz'), '/root');
    await lab.run('tar -C / -xzpf /root/kept.tgz');
  });

  test('starts nothing on half of its data', async () => {
    await cutOff('recover', 'restoring');
    const { cycle } = await lab.reconcile();
    expect(cycle.blocked.map(({ id }) => id)).toContain('compose-stack:git');
    expect(await lab.run('docker ps -aq')).toBe('');
  });

  test('goes on when it is asked for again', async () => {
    const { exitCode, stdout, stderr } = await lab.steward('recover');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout).toContain('1 service recovered');
    await expectRunning(500);
  });
});
