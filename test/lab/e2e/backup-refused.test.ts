import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { later, nightly, startBackupLab } from './support/backup-lab.ts';
import { type FaultyNights, faultyNights } from './support/faulty-nights.ts';
import type { Homelab } from './support/homelab.ts';

/** A repository that is whole, and that Steward is not let in to: a backup by its schedule that is due meanwhile. */
const folder = '/backup/borg/datapool_services_alpha';
const passphraseFile = '/etc/steward/borg-passphrase';
let lab: Homelab;
let nights: FaultyNights;

beforeAll(async () => {
  lab = await startBackupLab(nightly('alpha'));
  nights = await faultyNights(lab, 'alpha');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const snapshots = async () => (await lab.run('zfs list -H -t snapshot -o name')).split('\n').filter(Boolean);

test('with another passphrase it is said which file is wrong, and the service is stopped once for it', async () => {
  await nights.due();
  await lab.run(`cp -a ${passphraseFile} /root/right && echo 'wrong horse battery' > ${passphraseFile}`);
  expect((await lab.reconcile()).exitCode).toBe(1);
  const says = /the passphrase in \/etc\/steward\/borg-passphrase is not the one of ssh:\S+alpha/;
  await nights.expectTold(says);
  const since = await nights.startedAt();
  await later(lab);
  const { cycle } = await lab.reconcile();
  expect(cycle.outcomes?.map(({ id, result }) => `${id} ${result}`)).toEqual([
    'borg-repository:datapool/services/alpha failed',
    'backup:alpha skipped',
  ]);
  expect(await nights.startedAt()).toBe(since);
  await lab.run(`cp -a /root/right ${passphraseFile}`);
  await nights.expectMadeUpFor();
});

describe('while somebody else is at work on it, on its own server', { timeout: 20 * 60_000 }, () => {
  const holder = '/tmp/holder.pid';

  /** A borg of another that holds the lock for as long as it lives. */
  const hold = () =>
    lab.run(`runuser -u borg -- borg with-lock ${folder} sleep 1000000 > /tmp/holder.log 2>&1 < /dev/null & echo $! > ${holder}
      until [ -e ${folder}/lock.exclusive ]; do kill -0 $(cat ${holder}) || exit 1; sleep 0.1; done`);

  /** Until the upload does nothing but wait for the lock, for as long as it ever does: Borg has its try beside it. */
  const waiting = () =>
    lab.run(`timeout 300 sh -c 'until pgrep -f "borg create.*[l]ock-wait 600" && ls -d ${folder}/lock.exclusive.*.tmp
      do sleep 0.2; done'`);

  test('it is waited for with the service running, and then the archive is made', async () => {
    await nights.due();
    await hold();
    const night = lab.converge();
    await waiting();
    expect((await lab.containers()).alpha?.status).toBe('running');
    expect(await snapshots()).toHaveLength(1);
    await lab.run('pkill -u borg -x sleep');
    await night;
    expect(await snapshots()).toEqual([]);
    await nights.expectMadeUpFor();
  });

  test('for longer than that, it is said what to do; when he dies, his lock falls by itself', async () => {
    await nights.due();
    await hold();
    const night = lab.reconcile();
    await waiting();
    // Borg looks at the clock: ten minutes are over.
    await later(lab, 11);
    expect((await night).exitCode).toBe(1);
    // Not Steward's, and so not among what is left behind.
    await lab.run(`kill -9 $(cat ${holder}); pkill -9 -u borg; test -e ${folder}/lock.exclusive`);
    await nights.expectTold(/somebody else holds the lock of ssh:\S+alpha: .*borg break-lock/);
    await nights.expectMadeUpFor();
  });
});

describe('when the connection goes silent in the middle of an upload', { timeout: 20 * 60_000 }, () => {
  const drop = (how: '-I' | '-D') =>
    lab.run(`for tables in iptables ip6tables; do for port in --dport --sport; do
      $tables -w ${how} INPUT -i lo -p tcp $port 22 -j DROP; done; done`);

  test('that is noticed and said, and the next attempt makes the archive', async () => {
    // As docs/backups.md has it for the server of the repository, whose borg would keep its lock for hours.
    await lab.run(
      "printf 'ClientAliveInterval 15\\nClientAliveCountMax 3\\n' > /etc/ssh/sshd_config.d/alive.conf; systemctl reload ssh",
    );
    await nights.due();
    await lab.run('head -c 15000000 /dev/urandom > /datapool/services/alpha/data/large');
    const sent = `du -sb ${folder}/data | cut -f1`;
    const night = lab.run(`steward reconcile --once > /tmp/silent.log 2>&1; echo $?`);
    await lab.run(
      `before=$(${sent}); timeout 300 sh -c 'until [ $(${sent}) -gt '$((before + 2000000))' ]; do sleep 0.1; done'`,
    );
    await drop('-I');
    expect((await lab.containers()).alpha?.status).toBe('running');
    expect(await night).toBe('1');
    await lab.run('timeout 300 sh -c "while pgrep -u borg > /dev/null; do sleep 0.5; done"');
    await drop('-D');
    await nights.expectTold(/the connection to ssh:\S+alpha (was closed|broke)/);
    await nights.expectMadeUpFor();
  });
});
