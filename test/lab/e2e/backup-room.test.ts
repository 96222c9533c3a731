import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { leftBehind, nightly, startBackupLab } from './support/backup-lab.ts';
import { type FaultyNights, faultyNights } from './support/faulty-nights.ts';
import type { Homelab } from './support/homelab.ts';
import { composeFile } from './support/lab-files.ts';

/** No room left where the data is, or where Steward writes down what it does, while a backup is due. */
const state = '/var/lib/steward';
const data = '/datapool/services/alpha/data';
let lab: Homelab;
let nights: FaultyNights;

/** Takes its time to stop, and says when it begins to. */
const slow = `  alpha:
    image: lab/busybox:1
    container_name: alpha
    command: ["sh", "-c", "trap 'touch /data/stopping; sleep 5; exit' TERM; while :; do sleep 1; done"]
    stop_grace_period: 60s
    restart: unless-stopped
    user: "1000:1000"
    volumes: ["${data}:/data"]
`;

beforeAll(async () => {
  const files = { ...nightly('alpha'), 'services/alpha/docker-compose.yml': composeFile([slow]) };
  lab = await startBackupLab(files);
  // A disk of its own for the state, with little more room than it takes.
  await lab.run(`set -e; mv ${state} ${state}.old; mkdir -m 711 ${state}
    mount -t tmpfs -o mode=711,size=$(($(du -sk ${state}.old | cut -f1) + 16384))k state ${state}
    cp -a ${state}.old/. ${state}/; rm -r ${state}.old`);
  nights = await faultyNights(lab, 'alpha');
});

// Whatever a test has found, the next one begins with room.
afterEach(() =>
  lab.run(`rm -f ${state}/full ${data}/stopping; ! zfs list datapool/full || zfs destroy datapool/full`),
);

afterAll(() => lab?.[Symbol.asyncDispose]());

test('the pool is full: nothing is stopped, it is said, and the backup is made once there is room', async () => {
  await nights.due();
  const since = await nights.startedAt();
  await lab.run(
    'zfs create -o mountpoint=none -o refreservation=$(zfs get -Hpo value available datapool) datapool/full',
  );
  const says =
    /the pool datapool is full: there is no room for a snapshot, and nothing is stopped; free some space/;
  const { cycle } = await lab.reconcile();
  expect(cycle.blocked).toContainEqual(
    expect.objectContaining({
      id: 'backup:alpha',
      reasons: [expect.objectContaining({ note: expect.stringMatching(says) })],
    }),
  );
  expect((await lab.steward('status')).stdout).toMatch(says);
  expect(await nights.startedAt()).toBe(since);
  await lab.run('zfs destroy datapool/full');
  await nights.expectMadeUpFor();
});

describe("the disk of Steward's own state is full", { timeout: 20 * 60_000 }, () => {
  const fill = `cat /dev/zero > ${state}/full 2> /dev/null || true`;
  const says = /the disk of \/var\/lib\/steward\S* is full; free some space/;

  /** The disk fills up as soon as this is so. */
  const fullWhen = (condition: string) =>
    lab.run(`steward reconcile --once > /tmp/night.log 2>&1 & steward=$!
      until ${condition}; do kill -0 $steward || exit 9; sleep 0.1; done
      ${fill}; wait $steward; echo $?; cat /tmp/night.log`);

  async function expectMadeUpFor(): Promise<void> {
    await lab.run(`rm ${state}/full`);
    await nights.expectMadeUpFor();
    expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  }

  test('before the backup: nothing is stopped', async () => {
    await nights.due();
    const since = await nights.startedAt();
    const said = await lab.run(`${fill}; steward reconcile --once 2>&1; echo $?`);
    expect(said).toMatch(says);
    expect(said).toMatch(/^1$/m);
    expect(await nights.startedAt()).toBe(since);
    expect((await lab.steward('status')).stderr).toMatch(says);
    await expectMadeUpFor();
  });

  test.each([
    ['while the service is down', `[ -e ${data}/stopping ]`],
    ['in the middle of the upload', 'grep -qs /run/steward/backup /proc/[0-9]*/mounts'],
  ])('%s: it runs again, and no snapshot stays', async (_when, condition) => {
    await nights.due();
    await lab.run(`head -c 15000000 /dev/urandom > ${data}/large`);
    const said = await fullWhen(condition);
    expect(said).toMatch(says);
    expect(said).toMatch(/^1\n/);
    expect((await lab.containers()).alpha?.status).toBe('running');
    // State that cannot be written cannot be asked what it has open either.
    expect(await lab.run('zfs list -H -t snapshot -o name; pgrep -a borg || true')).toBe('');
    await expectMadeUpFor();
  });
});
