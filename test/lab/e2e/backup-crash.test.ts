import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inScope } from '../scope.ts';
import { borg, leftBehind, location, pair, startBackupLab } from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';

const repository = `${location}/datapool_services_pair`;
const dying = 'node /opt/steward/dist/app/dying.js';
let lab: Homelab;

beforeAll(async () => {
  lab = await startBackupLab(pair);
  // The first archive takes longest; what dies later is a backup as on any other night.
  expect((await lab.steward('backup run pair')).exitCode).toBe(0);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const archives = async () => (await lab.run(borg(`list --short ${repository}`))).trim().split('\n');

async function expectWhole(known: string[]): Promise<void> {
  const containers = await lab.containers();
  expect(Object.entries(containers).map(([name, { status }]) => `${name} ${status}`)).toEqual([
    'pair-store running',
    'pair-web running',
  ]);
  expect(await leftBehind(lab)).toEqual({ snapshots: [], mounts: '0', processes: '0', undo: '0' });
  // Not one archive is lost, and the repository can be used.
  expect(await archives()).toEqual(expect.arrayContaining(known));
}

const ops = ['containers-stop', 'zfs-snapshot', 'containers-start', 'borg-create', 'zfs-destroy-snapshots'];
const places = ops.flatMap((op) =>
  (['before', 'middle', 'after'] as const).map((where) => [where, op] as const),
);

/** Every place takes half a minute and more: the usual run tries one where Borg is at work, and one with containers down. */
const killed = inScope(places, ([where, op]) => `${where} ${op}` === 'middle borg-create');
const cuts = inScope(
  [
    ['after', 'containers-stop'],
    ['middle', 'containers-stop'],
    ['after', 'zfs-snapshot'],
    ['middle', 'borg-create'],
  ],
  ([where, op]) => `${where} ${op}` === 'after containers-stop',
);

describe('kill -9', () => {
  test.each(killed)('%s %s: the next run puts all right, and the backup can be made', async (where, op) => {
    const known = await archives();
    const said = await lab.run(`${dying} pair ${op} ${where} die; echo $?`);
    expect(said).toMatch(/reached\n(.*\n)?137/);
    const cycle = await lab.converge();
    expect(cycle.outcomes?.filter(({ result }) => result !== 'applied')).toEqual([]);
    await expectWhole(known);
  });
});

describe('pulling the plug', () => {
  test.each(cuts)('%s %s: what ran before runs again after the next start', async (where, op) => {
    const known = await archives();
    await lab.run(
      `${dying} pair ${op} ${where} hang > /tmp/dying.log 2>&1 & pid=$!; until grep -q reached /tmp/dying.log; do kill -0 $pid; sleep 0.1; done`,
    );
    await lab.vm.powerCut();
    await lab.run('systemctl is-system-running --wait; docker info > /dev/null');
    await lab.converge();
    await expectWhole(known);
  });
});
