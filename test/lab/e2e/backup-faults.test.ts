import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  archivesOf,
  history,
  later,
  leftBehind,
  nextTick,
  nightly,
  startBackupLab,
} from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';

/** What happens to a repository on its own server while a backup is due, on a real one. */
const folder = '/backup/borg/datapool_services_alpha';
let lab: Homelab;
let tick: string;
let known: string[];

beforeAll(async () => {
  lab = await startBackupLab(nightly('alpha'));
  // A file system of its own, so that it can be full.
  await lab.run(`set -e; mv ${folder} ${folder}.old; zfs create -o mountpoint=${folder} backuppool/alpha
    chown borg: ${folder}; chmod 700 ${folder}; cp -a ${folder}.old/. ${folder}/; rm -r ${folder}.old`);
  await nextTick(lab);
  await lab.converge();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

beforeEach(async () => {
  known = await archivesOf(lab, 'alpha');
  expect(known).not.toEqual([]);
  tick = await nextTick(lab);
});

/** New data, which takes seconds to send. */
const write = (megabytes: number) =>
  lab.run(`head -c ${megabytes}000000 /dev/urandom > /datapool/services/alpha/data/large`);

const startedAt = async () => (await lab.containers()).alpha?.startedAt;

/** The service runs, nothing is left, and whoever asks is told. */
async function expectTold(sentence: RegExp): Promise<void> {
  expect((await lab.containers()).alpha?.status).toBe('running');
  expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  expect((await lab.steward('status')).stdout).toMatch(sentence);
  expect((await history(lab, 'alpha')).at(-1)).toMatchObject({
    result: 'failed',
    error: expect.stringMatching(sentence),
    archive: null,
  });
  const { plan } = await lab.plan();
  expect(plan.changes).toEqual([]);
  expect(JSON.stringify(plan.blocked)).toContain('attempt 2 in');
}

/** The tick has its archive, and every one from before is still there. */
async function expectMadeUpFor(): Promise<void> {
  await lab.converge();
  expect(await archivesOf(lab, 'alpha')).toEqual([...known, `alpha-${tick}`]);
  expect((await history(lab, 'alpha')).at(-1)).toMatchObject({ result: 'done', archive: `alpha-${tick}` });
  const { exitCode, stdout } = await lab.steward('status');
  expect(stdout).not.toContain('ssh:');
  expect(exitCode).toBe(0);
}

describe('in the middle of an upload', () => {
  test('the disk of the repository is full: that is said, and room is all it takes', async () => {
    await write(20);
    await lab.run('zfs set quota=5M backuppool/alpha');
    const { exitCode } = await lab.reconcile();
    expect(exitCode).toBe(1);
    await expectTold(/the disk of ssh:\S+alpha is full, or its quota is used up: .*Disk quota exceeded/);
    await lab.run('zfs set quota=none backuppool/alpha');
    await later(lab);
    await expectMadeUpFor();
  });

  test('the connection is cut: the next attempt makes the archive, under the same name', async () => {
    await write(40);
    const sent = `du -sm ${folder}/data | cut -f1`;
    await lab.run(`steward reconcile --once > /tmp/cut.log 2>&1 & steward=$!
      before=$(${sent}); until [ $(${sent}) -gt $((before + 2)) ]; do kill -0 $steward || exit 1; sleep 0.1; done
      kill -9 $(pgrep -u borg -f 'borg serve'); wait $steward; test $? = 1`);
    await expectTold(/the connection to ssh:\S+alpha (was closed|broke)/);
    await later(lab);
    await expectMadeUpFor();
  });
});

describe('when a backup is due', () => {
  test('the repository is gone: no new one is made, and the service is stopped only once', async () => {
    await lab.run(`zfs umount ${folder} && rmdir ${folder}`);
    const { exitCode } = await lab.reconcile();
    expect(exitCode).toBe(1);
    await expectTold(/there is no repository at ssh:\S+alpha/);
    const since = await startedAt();
    await later(lab);
    expect((await lab.reconcile()).exitCode).toBe(1);
    expect(await lab.run(`test -e ${folder} || echo gone`)).toBe('gone\n');
    expect(await startedAt()).toBe(since);
    await lab.run(`mkdir ${folder} && zfs mount backuppool/alpha`);
    await later(lab);
    await expectMadeUpFor();
  });

  test('its folder is empty, as where a disk is not mounted: no new repository is made in it', async () => {
    await lab.run(`zfs umount ${folder} && chown borg: ${folder}`);
    await lab.reconcile();
    await expectTold(/there is no repository at|is not a Borg repository/);
    expect(await lab.run(`ls -A ${folder}`)).toBe('');
    await lab.run('zfs mount backuppool/alpha');
    await later(lab);
    await expectMadeUpFor();
  });

  test.each([
    ['its config is garbage', 'echo nonsense > config'],
    [
      'its last segment is cut in two',
      's=$(ls data/*/* | sort -V | tail -1); truncate -s $(($(stat -c %s $s) / 2)) $s; rm index.* hints.* integrity.*',
    ],
  ])('%s: nothing is made or deleted, and it is said', async (_what, damage) => {
    await lab.run(`cp -a ${folder} /root/whole; cd ${folder} && ${damage}`);
    await lab.reconcile();
    await expectTold(/ssh:\S+alpha/);
    await lab.run(`rsync -a --delete /root/whole/ ${folder}/; rm -r /root/whole`);
    await later(lab);
    await expectMadeUpFor();
  });
});
