import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Container, touched } from './support/containers.ts';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { labYaml, small } from './support/lab-files.ts';
import { blockedLines, changeLines } from './support/output.ts';

const withQuota = 'version: 1\ndataset: { properties: { quota: 1G } }\n';

/** Part of the host does not answer, while Git wants something new. */
describe('a server', () => {
  let lab: Homelab;

  beforeAll(async () => {
    lab = await startHomelab();
    await lab.push({ 'lab.yaml': labYaml, ...small('one') });
    await lab.converge();
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  describe('whose Docker is down', () => {
    beforeAll(async () => {
      await lab.run('systemctl stop docker.socket docker');
      await lab.push({ ...small('two'), 'services/one/service.yaml': withQuota });
    });

    test('gets its datasets, and what Docker would have to tell is unknown, not absent', async () => {
      const { exitCode, cycle } = await lab.reconcile();
      expect([exitCode, cycle.result]).toEqual([1, 'blocked']);
      expect(changeLines(cycle)).toEqual([
        'create zfs-dataset:datapool/services/two',
        'update zfs-dataset:datapool/services/one',
      ]);
      expect(blockedLines(cycle)).toEqual([
        'unknown compose-stack:one',
        'unknown compose-stack:two',
        'unknown directory:/datapool/services/one/data',
        'unknown directory:/datapool/services/two/data',
        'unknown docker-network:one_net',
        'unknown docker-network:two_net',
      ]);
      expect(await lab.run('find /datapool/services/two -mindepth 1')).toBe('');
    });

    test('converges once Docker is back', async () => {
      await lab.run('systemctl start docker');
      const cycle = await lab.converge();
      expect(changeLines(cycle)).toEqual([
        'create compose-stack:two',
        'create directory:/datapool/services/two/data',
        'create docker-network:two_net',
      ]);
      expect((await lab.plan()).exitCode).toBe(0);
    });
  });

  describe('whose pool is not imported', () => {
    let before: Record<string, Container>;

    beforeAll(async () => {
      await lab.run('docker exec one sh -c "echo kept > /data/file"');
      await lab.run('docker stop one two && docker rm two && zpool export datapool');
      before = await lab.containers();
      await lab.push(small('three'));
    });

    test('gets nothing written below the mountpoint and no container started', async () => {
      const { exitCode, cycle } = await lab.reconcile();
      expect([exitCode, cycle.result]).toEqual([1, 'blocked']);
      expect(changeLines(cycle).filter((line) => !line.includes('docker-network'))).toEqual([]);
      const held = blockedLines(cycle);
      expect(held).toContain('waiting zfs-dataset:datapool/services/three');
      for (const name of ['one', 'two', 'three']) expect(held).toContain(`waiting compose-stack:${name}`);
      expect(await lab.run('if [ -d /datapool ]; then find /datapool -mindepth 1; fi')).toBe('');
      expect(touched(before, await lab.containers())).toEqual([]);
    });

    test('converges once the pool is back, with the data it had', async () => {
      await lab.run('zpool import datapool');
      await lab.converge();
      const after = await lab.containers();
      expect(Object.entries(after).map(([name, { status }]) => `${name} ${status}`)).toEqual([
        'one running',
        'three running',
        'two running',
      ]);
      expect(await lab.run('docker exec one cat /data/file')).toBe('kept');
      expect((await lab.plan()).exitCode).toBe(0);
    });
  });
});
