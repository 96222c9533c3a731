import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
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
const dataset = 'datapool/services/alpha';
let lab: Homelab;
let tick: string;
let known: string[];

beforeAll(async () => {
  lab = await startBackupLab(nightly('alpha'));
  // A file system of its own, so that it can be full.
  await lab.run(`set -e; mv ${folder} ${folder}.old; zfs create -o mountpoint=${folder} backuppool/alpha
    chown borg: ${folder}; chmod 700 ${folder}; cp -a ${folder}.old/. ${folder}/; rm -r ${folder}.old`);
  known = [`alpha-${await nextTick(lab)}`];
  await lab.converge();
});

// Whatever a test has found, the next one begins with a disk that is there and has room.
afterEach(() => lab.run('zfs set quota=none backuppool/alpha'));

afterAll(() => lab?.[Symbol.asyncDispose]());

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
  // It waits for its next attempt, or is due for it.
  const { plan } = await lab.plan();
  expect([...plan.changes, ...plan.blocked].map(({ id }) => id)).toContain('backup:alpha');
}

/** The tick has its archive, and every one from before is still there. */
async function expectMadeUpFor(): Promise<void> {
  await lab.converge();
  known = [...known, `alpha-${tick}`];
  expect(await archivesOf(lab, 'alpha')).toEqual(known);
  expect((await history(lab, 'alpha')).at(-1)).toMatchObject({ result: 'done', archive: `alpha-${tick}` });
  const { exitCode, stdout } = await lab.steward('status');
  expect(stdout).not.toContain('ssh:');
  expect(exitCode).toBe(0);
}

describe('in the middle of an upload', () => {
  test('the disk of the repository is full: that is said, and room is all it takes', async () => {
    tick = await nextTick(lab);
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
    tick = await nextTick(lab);
    await write(15);
    const sent = `du -sb ${folder}/data | cut -f1`;
    await lab.run(`steward reconcile --once > /tmp/cut.log 2>&1 & steward=$!
      before=$(${sent}); until [ $(${sent}) -gt $((before + 2000000)) ]; do kill -0 $steward || exit 1; sleep 0.1; done
      kill -9 $(pgrep -u borg -f 'borg serve'); wait $steward; test $? = 1`);
    await expectTold(/the connection to ssh:\S+alpha (was closed|broke)/);
    await later(lab);
    await expectMadeUpFor();
  });
});

/** What is wrong with the repository, one after the other, and how it is mended; without its disk the folder is gone or empty. */
const losses = [
  {
    what: 'its folder is gone',
    damage: `zfs umount ${folder} && rmdir ${folder}`,
    says: /there is no repository at ssh:\S+alpha/,
    after: `test ! -e ${folder}`,
  },
  {
    what: 'its folder is empty',
    damage: `mkdir ${folder} && chown borg: ${folder}`,
    says: /ssh:\S+alpha is not a Borg repository/,
    after: `test -z "$(ls -A ${folder})" && zfs mount backuppool/alpha`,
  },
  {
    what: 'its config is garbage',
    damage: `cp -a ${folder} /root/whole && echo nonsense > ${folder}/config`,
    says: /ssh:\S+alpha has a damaged config file/,
    after: `grep -q nonsense ${folder}/config && rsync -a --delete /root/whole/ ${folder}/`,
  },
  {
    what: 'its last segment is cut in two',
    damage: `cd ${folder} && s=$(ls data/*/* | sort -V | tail -1) && truncate -s $(($(stat -c %s $s) / 2)) $s && rm index.* hints.* integrity.*`,
    says: /ssh:\S+alpha/,
    after: `rsync -a --delete /root/whole/ ${folder}/`,
  },
];

describe('when a backup is due and the repository is not what it was', () => {
  let since: string | undefined;

  test.each(losses)('$what: that is said, and no new one is made', async ({ damage, says, after }) => {
    const isFirst = since === undefined;
    if (isFirst) tick = await nextTick(lab);
    else await later(lab);
    await lab.run(damage);
    const { exitCode, cycle } = await lab.reconcile();
    const [outcome] = (cycle.outcomes ?? []).filter(({ result }) => result === 'failed');
    expect(outcome?.error).toMatch(says);
    expect(exitCode).toBe(1);
    if (isFirst) await expectTold(says);
    else expect(cycle.outcomes?.map(({ id }) => id)).toEqual([`borg-repository:${dataset}`, 'backup:alpha']);
    // Stopped for the first attempt, and not again for those that cannot succeed.
    since ??= await startedAt();
    expect(await startedAt()).toBe(since);
    await lab.run(after);
  });

  test('once it is mended, the tick has its archive, and none is missing', async () => {
    await later(lab);
    await expectMadeUpFor();
  });
});
