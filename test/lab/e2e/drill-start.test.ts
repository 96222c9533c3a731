import { afterAll, beforeAll, expect, test } from 'vitest';
import { history, leftBehind, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';
import { git } from './support/lab-files.ts';

/** A real PostgreSQL that gets well on what was restored, beside the one that goes on. */
let lab: Homelab;

beforeAll(async () => {
  // As after a power cut: PostgreSQL has to make its data whole by itself, and nothing waits for a container.
  const live = `${git['services/git/service.yaml']}backup: { quiesce: none }\n`;
  const files = { ...git, 'services/git/service.yaml': live };
  lab = await startBackupLab(files, '  drill: { schedule: "0 5 1 1 *", start: true }\n');
  expect((await lab.steward('backup run git')).exitCode).toBe(0);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function expectNothingLeft(): Promise<void> {
  expect(await lab.run('docker ps -aq -f label=com.docker.compose.project=steward-drill-git')).toBe('');
  expect(
    await lab.run('docker network ls -q -f name=steward-drill; docker volume ls -q -f name=steward-drill'),
  ).toBe('');
  expect(await lab.run('zfs list -H -o name')).not.toContain('steward-drill');
  expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
}

test('the stack becomes healthy on the restored data, and the live one is not touched', async () => {
  const before = await lab.containers();
  const watch =
    "docker events --filter event=start --format '{{.Actor.Attributes.name}}' > /tmp/started 2> /dev/null < /dev/null & echo $!";
  const pid = (await lab.run(watch)).trim();
  const { exitCode, stderr } = await lab.steward('backup drill git');
  await lab.run(`kill ${pid}`);
  expect(stderr).toContain('git: starting its stack on what was restored');
  expect(stderr).toMatch(/^✓ git {2}restored for proof, and as it was archived,/m);
  expect(exitCode).toBe(0);
  expect((await lab.run('sort /tmp/started')).split('\n')).toEqual([
    'steward-drill-git-app-1',
    'steward-drill-git-database-1',
  ]);
  expect(await lab.containers()).toEqual(before);
  await expectNothingLeft();
});

test('killed while it starts, it leaves nothing', async () => {
  const started =
    'until docker ps -q -f label=com.docker.compose.project=steward-drill-git | grep -q .; do sleep 0.1; done';
  await lab.run(`steward backup drill git > /tmp/drill.log 2>&1 & ${started}; kill -9 $!; wait`);
  expect(await lab.run('zfs list -H -o name')).toContain('steward-drill');
  await lab.converge();
  await expectNothingLeft();
  const runs = await history(lab, 'git');
  expect(runs.at(-1)).toMatchObject({ what: 'drill', result: 'interrupted' });
});

test('what it does not get well on is told, and nothing is left either', async () => {
  await lab.run('mv /datapool/services/git/database/global /datapool/services/git/database/lost');
  expect((await lab.steward('backup run git')).exitCode).toBe(0);
  const { exitCode, stderr } = await lab.steward('backup drill git');
  expect(stderr).toMatch(
    /git-\S+ restores to what was archived, and git does not get well on it: (container )?steward-drill-git-database-1/,
  );
  expect(exitCode).toBe(1);
  expect((await lab.steward('status')).stdout).toContain('does not get well on it');
  await expectNothingLeft();
});
