import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneChangeEach } from './support/changes.ts';
import { touched } from './support/containers.ts';
import { type Homelab, overSsh, startHomelab } from './support/homelab.ts';
import { git, labYaml, web } from './support/lab-files.ts';
import { type CycleJson, changeLines } from './support/output.ts';

describe('a push', () => {
  let lab: Homelab;
  let cycle: CycleJson;

  beforeAll(async () => {
    lab = await startHomelab(overSsh);
    await lab.vm.writeFile('/etc/steward/env/web.env', 'API_TOKEN=first-secret-value\n', '600');
    await lab.push({ 'lab.yaml': labYaml, ...web, ...git }, 'A lab of two services');
    cycle = await lab.converge();
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  test('to an empty server applies every change it announced', () => {
    const announced = cycle.changes.map((change) => change.id).sort();
    expect(cycle.outcomes?.map((outcome) => outcome.id).sort()).toEqual(announced);
    expect(announced).toContain('compose-stack:git');
  });

  test.each([
    ['datapool/services', 'mountpoint', '/datapool/services', 'local'],
    ['datapool/services/web', 'compression', 'zstd', 'local'],
    ['datapool/services/web', 'quota', '1073741824', 'local'],
    ['datapool/services/git', 'recordsize', '131072', 'default'],
    ['datapool/services/git/database', 'recordsize', '16384', 'local'],
    ['datapool/services/git/database', 'mounted', 'yes', '-'],
    ['datapool/services/web', 'mounted', 'yes', '-'],
  ])('the dataset %s has %s=%s (%s)', async (dataset, property, value, source) => {
    expect(await lab.run(`zfs get -Hpo value,source ${property} ${dataset}`)).toBe(`${value}\t${source}`);
  });

  test('every dataset carries its own guid as the mark of its owner', async () => {
    const lines = await lab.run('zfs get -rHpo name,value,source steward:guid datapool/services');
    const guids = await lab.run('zfs get -rHpo name,value guid datapool/services');
    const expected = guids.split('\n').map((line) => `${line}\tlocal`);
    expect(lines.split('\n')).toEqual(expected);
    expect(expected).toHaveLength(4);
  });

  test('directories belong to the remapped user of the container and to the shared group', async () => {
    const stat = "stat -c '%u:%G %a' /datapool/services/web/data /datapool/services/git/database";
    expect(await lab.run(stat)).toBe('101000:labdata 2770\n100999:labdata 700');
  });

  test('from inside the container they are its own, and it writes there as its user', async () => {
    const inside = 'stat -c %u /data && echo kept > /data/file && stat -c %u /data/file && cat /data/file';
    expect(await lab.run(`docker exec web-worker sh -c '${inside}'`)).toBe('1000\n1000\nkept');
    expect(await lab.run("stat -c '%u:%G' /datapool/services/web/data/file")).toBe('101000:labdata');
    expect(await lab.run('docker exec git-database stat -c %u /var/lib/postgresql/data')).toBe('999');
  });

  test('each network has a subnet of its own out of networks.pool', async () => {
    const subnet = "docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' web_net git_net";
    const subnets = (await lab.run(subnet)).split('\n');
    expect(new Set(subnets).size).toBe(2);
    for (const each of subnets) expect(each).toMatch(/^10\.88\.\d+\.\d+\/26$/);
  });

  test('the database is healthy, and what depends on it started after it', async () => {
    const containers = await lab.containers();
    const statuses = Object.entries(containers).map(([name, { status }]) => `${name} ${status}`);
    expect(statuses).toEqual([
      'git-app running',
      'git-database running',
      'web-page running',
      'web-worker running',
    ]);
    const health = await lab.run('docker inspect -f {{.State.Health.Status}} git-database');
    expect(health).toBe('healthy');
    const app = containers['git-app']?.startedAt ?? '';
    expect(app > (containers['git-database']?.startedAt ?? '')).toBe(true);
    expect(await lab.run("docker exec git-database psql -U app -d app -Atc 'select 40 + 2'")).toBe('42');
  });

  test('a file of the repository is served with what Git says', async () => {
    expect(await lab.run('docker exec web-page wget -qO- http://127.0.0.1:8080/')).toBe('first page');
    const seen = await lab.run(`docker exec web-page sh -c 'echo $GREETING, $API_TOKEN'`);
    expect(seen).toBe('hello, first-secret-value');
  });

  test('the second run finds nothing to do and restarts nothing', async () => {
    const before = await lab.containers();
    const again = await lab.converge();
    expect(again.changes).toEqual([]);
    const { exitCode, plan } = await lab.plan();
    expect({ exitCode, changes: plan.changes, blocked: plan.blocked }).toEqual({
      exitCode: 0,
      changes: [],
      blocked: [],
    });
    expect(await lab.containers()).toEqual(before);
  });

  test.each(oneChangeEach)(
    'then $what is the only change, has its reason, and touches what it concerns alone',
    async ({ make, plan, reason, place, touched: expected }) => {
      await make(lab);
      const before = await lab.containers();
      const cycle = await lab.converge();
      expect(changeLines(cycle)).toEqual([plan]);
      const reasons = cycle.changes[0]?.reasons ?? [];
      expect(reasons).toEqual([expect.objectContaining(reason)]);
      expect(`${reasons[0]?.origin?.file}:${reasons[0]?.origin?.line}`).toBe(place);
      expect(touched(before, await lab.containers())).toEqual(expected);
    },
  );

  test('all of it arrived', async () => {
    expect(await lab.run('docker exec web-page wget -qO- http://127.0.0.1:8080/')).toBe('second page');
    const seen = await lab.run(`docker exec web-page sh -c 'echo $GREETING, $API_TOKEN'`);
    expect(seen).toBe('good-day, other-secret-value');
    expect(await lab.run('zfs get -Hpo value quota datapool/services/web')).toBe('2147483648');
    expect(await lab.run("stat -c '%u:%G %a' /datapool/services/web/data")).toBe('100000:labdata 2770');
    expect((await lab.plan()).plan.changes).toEqual([]);
  });

  test('no secret is in the state, in what was printed or in the history', async () => {
    const words = '-e first-secret-value -e other-secret-value';
    const found = await lab.vm.exec(`grep -rl ${words} /var/lib/steward /run/steward`, {
      allowFailure: true,
    });
    expect(found.stdout).toBe('');
    const said = await Promise.all(
      ['plan -v', 'status', 'why web', 'why web --output json'].map((args) => lab.steward(args)),
    );
    for (const { stdout, stderr } of said) expect(stdout + stderr).not.toMatch(/(first|other)-secret-value/);
  });
});
