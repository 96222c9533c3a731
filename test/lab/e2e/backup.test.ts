import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { borg, leftBehind, location, startBackupLab } from './support/backup-lab.ts';
import { type Container, touched } from './support/containers.ts';
import type { Homelab } from './support/homelab.ts';

const repository = `${location}/datapool_services_git`;
let lab: Homelab;

interface Run {
  result: string;
  error: string | null;
  archive: string;
  files: number;
  filesRead: number;
  downtimeMs: number;
  notes: string[];
}

beforeAll(async () => {
  lab = await startBackupLab();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function runs(): Promise<Run[]> {
  return JSON.parse(await lab.run('steward backup history git --output json')) as Run[];
}

describe('a backup by hand', () => {
  let before: Record<string, Container>;

  beforeAll(async () => {
    before = await lab.containers();
    const { exitCode, stdout, stderr } = await lab.steward('backup run git');
    expect(`${stdout}${stderr}`).toContain('git  backed up in');
    expect(exitCode).toBe(0);
  });

  test('stops and starts its containers, and recreates none', async () => {
    const after = await lab.containers();
    expect(touched(before, after)).toEqual(['git-app', 'git-database']);
    expect(
      Object.values(after)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(
      Object.values(before)
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('is an archive over SSH, with the owners of the host and nothing left behind', async () => {
    const [run] = await runs();
    expect(run).toMatchObject({ result: 'done', error: null, notes: [] });
    const listed = await lab.run(
      borg(`list --format '{path} {uid} {mode}{NL}' ${repository}::${run?.archive}`),
    );
    expect(listed).toMatch(/^database\/PG_VERSION /m);
    expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  });

  test('leaves nothing to do', async () => {
    const { plan, exitCode } = await lab.plan();
    expect(plan.changes).toEqual([]);
    expect(exitCode).toBe(0);
  });

  test('the next one reads only what has changed', async () => {
    expect((await lab.steward('backup run git')).exitCode).toBe(0);
    const [, run] = await runs();
    expect(run?.files).toBeGreaterThan(500);
    expect((run?.filesRead ?? 0) / (run?.files ?? 1)).toBeLessThan(0.2);
  });

  test('can be looked into, and a file taken out of it', async () => {
    const { stdout, exitCode } = await lab.steward('browse git latest database');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^-rw------- {2}100999:100999 .* PG_VERSION$/m);
    expect(stdout).not.toContain('base/1/');
    const head = 'set -o pipefail; steward browse git latest --recursive | head -n 1';
    expect(await lab.run(`bash -c '${head}'`)).toMatch(/ database\/$/);
    const extracted = await lab.steward('extract git latest database/PG_VERSION --to /root/found');
    expect(extracted).toMatchObject({ exitCode: 0 });
    const same = 'cmp /root/found/database/PG_VERSION /datapool/services/git/database/PG_VERSION';
    expect(await lab.run(`${same} && stat -c '%u %a' /root/found /root/found/database/PG_VERSION`)).toBe(
      '0 700\n100999 600',
    );
  });

  test('one is deleted for ever, and no other', async () => {
    const [older, newer] = await runs();
    const name = older?.archive ?? '';
    expect(await lab.steward(`delete-archive git ${name} --confirm ${name}`)).toMatchObject({ exitCode: 0 });
    expect(await lab.run(borg(`list --short ${repository}`))).toBe(newer?.archive);
    expect((await lab.steward('archives git')).stdout).toMatch(/^1 archive, as ssh:/m);
  });
});
