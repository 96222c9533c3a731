import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { composeFile, type Files, idle } from './support/lab-files.ts';

/** Docker's own address pools hold about thirty networks. */
const names = Array.from({ length: 40 }, (_, at) => `s${String(at + 1).padStart(2, '0')}`);

/** Without `storage:` there are no datasets: containers and networks are what it is about. */
const labYaml = 'version: 1\nname: homelab\nnetworks: { pool: 10.88.0.0/16, prefix: 26 }\n';

function service(name: string): Files {
  const network = `${name}_net`;
  return { [`services/${name}/docker-compose.yml`]: composeFile([idle(name, { network })], network) };
}

describe('forty services, each on a network of its own', () => {
  let lab: Homelab;

  beforeAll(async () => {
    lab = await startHomelab();
    await lab.push({ 'lab.yaml': labYaml, ...Object.assign({}, ...names.map(service)) });
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  test('converge in one run', { timeout: 20 * 60_000 }, async () => {
    await lab.converge();
    const containers = await lab.containers();
    expect(Object.keys(containers)).toEqual(names);
    expect(new Set(Object.values(containers).map(({ status }) => status))).toEqual(new Set(['running']));
  });

  test('have subnets that do not overlap', async () => {
    const inspect = "docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}'";
    const subnets = (await lab.run(`${inspect} ${names.map((name) => `${name}_net`).join(' ')}`)).split('\n');
    expect(new Set(subnets).size).toBe(40);
    for (const subnet of subnets) expect(subnet).toMatch(/^10\.88\.\d+\.(0|64|128|192)\/26$/);
  });

  test('leave nothing to do', async () => {
    const before = await lab.containers();
    const { exitCode, plan } = await lab.plan();
    expect([exitCode, plan.changes, plan.blocked]).toEqual([0, [], []]);
    expect(await lab.containers()).toEqual(before);
  });
});
