import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { later, nightly, startBackupLab } from './support/backup-lab.ts';
import { type FaultyNights, faultyNights } from './support/faulty-nights.ts';
import type { Homelab } from './support/homelab.ts';

/** What happens to a repository on its own server while a backup is due, on a real one. */
const folder = '/backup/borg/datapool_services_alpha';
const dataset = 'datapool/services/alpha';
let lab: Homelab;
let nights: FaultyNights;

beforeAll(async () => {
  lab = await startBackupLab(nightly('alpha'));
  // A file system of its own, so that it can be full.
  await lab.run(`set -e; mv ${folder} ${folder}.old; zfs create -o mountpoint=${folder} backuppool/alpha
    chown borg: ${folder}; chmod 700 ${folder}; cp -a ${folder}.old/. ${folder}/; rm -r ${folder}.old`);
  nights = await faultyNights(lab, 'alpha');
});

// Whatever a test has found, the next one begins with a disk that is there and has room.
afterEach(() => lab.run('zfs set quota=none backuppool/alpha'));

afterAll(() => lab?.[Symbol.asyncDispose]());

/** New data, which takes seconds to send. */
const write = (megabytes: number) =>
  lab.run(`head -c ${megabytes}000000 /dev/urandom > /datapool/services/alpha/data/large`);

describe('in the middle of an upload', () => {
  test('the disk of the repository is full: that is said, and room is all it takes', async () => {
    await nights.due();
    await write(20);
    await lab.run('zfs set quota=5M backuppool/alpha');
    const { exitCode } = await lab.reconcile();
    expect(exitCode).toBe(1);
    await nights.expectTold(
      /the disk of ssh:\S+alpha is full, or its quota is used up: .*Disk quota exceeded/,
    );
    await lab.run('zfs set quota=none backuppool/alpha');
    await nights.expectMadeUpFor();
  });

  test('the connection is cut: the next attempt makes the archive, under the same name', async () => {
    await nights.due();
    await write(15);
    const sent = `du -sb ${folder}/data | cut -f1`;
    await lab.run(`steward reconcile --once > /tmp/cut.log 2>&1 & steward=$!
      before=$(${sent}); until [ $(${sent}) -gt $((before + 2000000)) ]; do kill -0 $steward || exit 1; sleep 0.1; done
      kill -9 $(pgrep -u borg -f 'borg serve'); wait $steward; test $? = 1`);
    await nights.expectTold(/the connection to ssh:\S+alpha (was closed|broke)/);
    await nights.expectMadeUpFor();
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
    if (isFirst) await nights.due();
    else await later(lab);
    await lab.run(damage);
    const { exitCode, cycle } = await lab.reconcile();
    const [outcome] = (cycle.outcomes ?? []).filter(({ result }) => result === 'failed');
    expect(outcome?.error).toMatch(says);
    expect(exitCode).toBe(1);
    if (isFirst) await nights.expectTold(says);
    else expect(cycle.outcomes?.map(({ id }) => id)).toEqual([`borg-repository:${dataset}`, 'backup:alpha']);
    // Stopped for the first attempt, and not again for those that cannot succeed.
    since ??= await nights.startedAt();
    expect(await nights.startedAt()).toBe(since);
    await lab.run(after);
  });

  test('once it is mended, the tick has its archive, and none is missing', () => nights.expectMadeUpFor());
});
