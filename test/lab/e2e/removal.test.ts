import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Container, touched } from './support/containers.ts';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { labYaml, small } from './support/lab-files.ts';
import { changeLines } from './support/output.ts';

const orphan = 'zfs-dataset:datapool/services/gone';
const unknownKey = 'version: 1\ndatasets:\n  properties: { quota: 1G }\n';
const badCompose = 'services:\n  stays:\n    image: lab/busybox:1\n    comand: ["sleep", "1000000"]\n';

let lab: Homelab;
let before: Record<string, Container>;

beforeAll(async () => {
  lab = await startHomelab();
  await lab.push({ 'lab.yaml': labYaml, ...small('stays'), ...small('gone') });
  await lab.converge();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

describe('a removed service', () => {
  beforeAll(async () => {
    await lab.run('docker exec gone sh -c "echo kept > /data/file"');
    before = await lab.containers();
    await lab.push({ 'services/gone': null });
  });

  test('is planned to lose its container and network, and its dataset is called orphaned', async () => {
    const { plan, exitCode } = await lab.plan();
    expect(changeLines(plan)).toEqual(['delete compose-stack:gone', 'delete docker-network:gone_net']);
    expect(plan.reports?.map(({ id, state }) => `${state} ${id}`)).toEqual([`orphaned ${orphan}`]);
    expect(exitCode).toBe(2);
  });

  test('loses them; its data stays, and its neighbour runs on', async () => {
    await lab.converge();
    expect(touched(before, await lab.containers())).toEqual(['gone']);
    expect(Object.keys(await lab.containers())).toEqual(['stays']);
    expect(await lab.run("docker network ls --filter name=_net --format '{{.Name}}'")).toBe('stays_net');
    expect(await lab.run('cat /datapool/services/gone/data/file')).toBe('kept');
    const { exitCode, status } = await lab.status();
    expect([exitCode, status.orphans]).toEqual([0, [orphan]]);
    expect((await lab.steward('plan')).stdout).toMatch(/datapool\/services\/gone +orphaned since/);
  });

  test('finds its data when it comes back', async () => {
    await lab.push(small('gone'));
    const cycle = await lab.converge();
    expect(changeLines(cycle)).toEqual(['create compose-stack:gone', 'create docker-network:gone_net']);
    expect(await lab.run('docker exec gone cat /data/file')).toBe('kept');
    expect((await lab.status()).status.orphans).toEqual([]);
  });
});

describe('a bad commit', () => {
  let bad: string;
  let good: string | null;

  beforeAll(async () => {
    before = await lab.containers();
    good = (await lab.status()).status.commit;
    bad = await lab.push({
      'services/gone/service.yaml': unknownKey,
      'services/stays/docker-compose.yml': badCompose,
      'services/new/docker-compose.yml': small('new')['services/new/docker-compose.yml'] ?? null,
    });
  });

  test('is refused with every problem at its place', async () => {
    const { exitCode, cycle } = await lab.reconcile();
    expect([exitCode, cycle.result, cycle.changes]).toEqual([1, 'bad-commit', []]);
    const places = cycle.problems?.map(({ file, line, message }) => `${file}:${line} ${message}`).sort();
    expect(places).toEqual([
      expect.stringMatching(/^lab\.yaml:1 no data of this lab is in a backup/),
      expect.stringMatching(/^services\/gone\/service\.yaml:2 .*datasets/),
      expect.stringMatching(/^services\/stays\/docker-compose\.yml:4 .*comand/),
    ]);
  });

  test('is shown to people without a stack trace', async () => {
    const { stdout, stderr } = await lab.steward('reconcile --once');
    expect(stdout).toContain('services/gone/service.yaml:2:1');
    expect(stdout).toContain('services/stays/docker-compose.yml:4');
    expect(stdout + stderr).not.toMatch(/\bat .*\.ts:\d+/);
  });

  test('changes nothing: what ran runs on, from the files of the last good commit', async () => {
    expect(await lab.containers()).toEqual(before);
    expect(await lab.run('zfs list -Hro name datapool/services')).not.toContain('new');
    expect(await lab.run('grep -c comand -r /var/lib/steward/checkout || true')).not.toMatch(/:[1-9]/);
    const { exitCode, status } = await lab.status();
    expect([exitCode, status.lastCycle?.result, status.problems.length]).toEqual([1, 'bad-commit', 3]);
    expect([status.commit, status.appliedCommit]).toEqual([bad, good]);
  });

  test('that removes everything is held until it is approved', async () => {
    const commit = await lab.push({ services: null });
    const { exitCode, cycle } = await lab.reconcile();
    expect([exitCode, cycle.result, cycle.held?.field]).toEqual([1, 'held', 'limits.removals']);
    expect(await lab.containers()).toEqual(before);
    expect((await lab.steward(`approve ${commit}`)).exitCode).toBe(0);
    await lab.converge();
    expect(await lab.containers()).toEqual({});
    expect(await lab.run('ls /datapool/services/gone /datapool/services/stays')).toMatch(/data[\s\S]*data/);
  });
});
