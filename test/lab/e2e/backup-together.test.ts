import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  archivesOf,
  borg,
  history,
  leftBehind,
  location,
  nightly,
  pair,
  startBackupLab,
} from './support/backup-lab.ts';
import { touched } from './support/containers.ts';
import type { Homelab } from './support/homelab.ts';
import type { Files } from './support/lab-files.ts';

/** Several services at one instant, and what is run in their containers before and after it. */
let lab: Homelab;

const withHooks = (name: string, hooks: string): Files => ({
  ...nightly(name),
  [`services/${name}/service.yaml`]: `version: 1\nbackup: { schedule: "0 3 * * *", timezone: UTC, hooks: ${hooks} }\n`,
});

const files: Files = {
  ...withHooks(
    'alpha',
    '{ before: [{ container: alpha, exec: [touch, /data/dump] }], after: [{ container: alpha, exec: [rm, /data/dump] }] }',
  ),
  // What it does is in a file on its dataset, so that it can become another one.
  ...withHooks('beta', '{ before: [{ container: beta, exec: [sh, /data/checkpoint], timeout: 20s }] }'),
  ...pair,
  'services/pair/service.yaml': `version: 1
dataset: { children: { data: {} } }
backup: { hooks: { before: [{ container: pair-web, exec: ["true"] }] } }
`,
};

const checkpoint = (script: string) =>
  lab.vm.writeFile('/datapool/services/beta/data/checkpoint', `${script}\n`);
const services = ['alpha', 'beta', 'pair'];
const nothing = { snapshots: [], mounts: '0', processes: '0', undo: '0' };
const counts = async () => {
  const each = await Promise.all(services.map((service) => archivesOf(lab, service)));
  return Object.fromEntries(services.map((service, index) => [service, each[index]?.length]));
};
const last = async (service: string) => (await history(lab, service)).at(-1);

beforeAll(async () => {
  lab = await startBackupLab(files);
  await checkpoint('exit 0');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const together = () => lab.steward('backup run --all --together');

describe('all services at one instant', () => {
  test('are down at the same time, have one snapshot, and an archive each', async () => {
    const before = await lab.containers();
    await lab.run(
      `docker events --filter event=die --filter event=start --format '{{.Action}}' > /tmp/events 2> /dev/null < /dev/null & echo $! > /tmp/events.pid`,
    );
    const { exitCode, stdout, stderr } = await together();
    expect(`${stdout}${stderr}`).toMatch(/beta {2}backed up/);
    expect(exitCode).toBe(0);
    const events = await lab.run('kill $(cat /tmp/events.pid); cat /tmp/events');
    expect(events.split('\n').filter(Boolean)).toEqual([...Array(4).fill('die'), ...Array(4).fill('start')]);
    expect(touched(before, await lab.containers())).toEqual(['alpha', 'beta', 'pair-store', 'pair-web']);
    expect(await counts()).toEqual({ alpha: 1, beta: 1, pair: 1 });
    expect(await leftBehind(lab)).toEqual(nothing);
  });

  test('have it in one transaction of the pool', async () => {
    const done = await lab.run("zpool history -i datapool | grep -E '\\] snapshot datapool/services/'");
    const found = [...done.matchAll(/\[txg:(\d+)\] snapshot datapool\/services\/(\w+)/g)];
    expect([...new Set(found.map(([, , service]) => service))].sort()).toEqual(services);
    expect(new Set(found.map(([, txg]) => txg)).size).toBe(1);
  });

  test('what a hook before it has made is in the archive, and the hook after it took it away', async () => {
    const [archive = ''] = await archivesOf(lab, 'alpha');
    expect(await lab.run(borg(`list --short ${location}/datapool_services_alpha::${archive}`))).toContain(
      'data/dump',
    );
    expect(await lab.run('ls -A /datapool/services/alpha/data')).toBe('');
  });

  test('one whose repository is gone fails alone', async () => {
    const folder = '/backup/borg/datapool_services_beta';
    await lab.run(`mv ${folder} ${folder}.gone`);
    const { exitCode, stdout, stderr } = await together();
    await lab.run(`mv ${folder}.gone ${folder}`);
    expect(exitCode).toBe(1);
    expect(`${stdout}${stderr}`).toMatch(/beta.*there is no repository at ssh:\S+beta/);
    expect(await last('beta')).toMatchObject({ result: 'failed', archive: null });
    expect(await last('alpha')).toMatchObject({ result: 'done', error: null });
    expect(await last('pair')).toMatchObject({ result: 'done', error: null });
    expect(await counts()).toEqual({ alpha: 2, beta: 1, pair: 2 });
    expect(await leftBehind(lab)).toEqual(nothing);
  });

  test('run again where Steward is killed while all are down', async () => {
    await lab.run(`steward backup run --all --together > /tmp/killed.log 2>&1 < /dev/null & echo $! > /tmp/killed.pid
      until [ "$(docker ps -q | wc -l)" = 0 ]; do kill -0 $(cat /tmp/killed.pid) || exit 1; sleep 0.1; done
      kill -9 $(cat /tmp/killed.pid)`);
    await lab.reconcile();
    const states = Object.values(await lab.containers()).map(({ status }) => status);
    expect(states).toEqual(Array(4).fill('running'));
    expect(await leftBehind(lab)).toEqual(nothing);
    expect((await together()).exitCode).toBe(0);
  });
});

describe('a hook before the snapshot', () => {
  test('that fails leaves out its own service alone, which is not stopped', async () => {
    await checkpoint('echo no room for it; exit 3');
    const before = await lab.containers();
    const { exitCode, stdout, stderr } = await together();
    expect(`${stdout}${stderr}`).toContain('sh in container beta ended with 3: no room for it');
    expect(exitCode).toBe(1);
    expect(touched(before, await lab.containers())).toEqual(['alpha', 'pair-store', 'pair-web']);
    expect(await last('beta')).toMatchObject({ result: 'failed', archive: null });
    expect(await last('pair')).toMatchObject({ result: 'done' });
    expect(await lab.run('ls -A /datapool/services/alpha/data')).toBe('');
  });

  test('that takes too long is killed with its children and its daemons, and nothing is stopped', async () => {
    await checkpoint('setsid sleep 4243 & sleep 4244 & sleep 4245');
    const before = await lab.containers();
    const { exitCode, stdout, stderr } = await lab.steward('backup run beta');
    expect(`${stdout}${stderr}`).toContain('sh in container beta took longer than 20 s');
    expect(exitCode).toBe(1);
    expect(touched(before, await lab.containers())).toEqual([]);
    expect(await lab.run("pgrep -fa '[s]leep 424' || true")).toBe('');
    expect(await lab.run('docker exec beta true && echo runs')).toBe('runs');
    await checkpoint('exit 0');
  });

  test('that goes on when Steward is killed is ended before the next one begins', async () => {
    await checkpoint('setsid sleep 4246 & sleep 4247');
    await lab.run(`steward backup run beta > /tmp/killed.log 2>&1 < /dev/null & echo $! > /tmp/killed.pid
      until pgrep -f '[s]leep 4247'; do kill -0 $(cat /tmp/killed.pid) || exit 1; sleep 0.1; done
      kill -9 $(cat /tmp/killed.pid)`);
    expect(await lab.run("pgrep -fc '[s]leep 424[67]'")).toBe('2');
    await checkpoint('! pgrep -f "[s]leep 424"');
    expect((await lab.steward('backup run beta')).exitCode).toBe(0);
    expect(await leftBehind(lab)).toEqual(nothing);
  });

  test('of a container that does not run is left out and named, and it is not started', async () => {
    await lab.run('docker stop pair-web');
    const { exitCode } = await lab.steward('backup run pair');
    expect(exitCode).toBe(0);
    const { notes = [] } = (await last('pair')) ?? {};
    expect(notes).toEqual([
      'the hook true before the snapshot is left out: container pair-web does not run (exited)',
    ]);
    expect((await lab.containers())['pair-web']?.status).toBe('exited');
    await lab.converge();
    expect((await lab.containers())['pair-web']?.status).toBe('running');
  });
});
