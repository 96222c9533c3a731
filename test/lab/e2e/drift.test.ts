import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Container, touched } from './support/containers.ts';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { composeFile, idle, labYaml, small } from './support/lab-files.ts';
import { type CycleJson, changeLines } from './support/output.ts';

/** As `docker compose up` of someone who edited the file on the host makes it. */
const editedCompose = composeFile(
  [idle('killed', { network: 'killed_net', image: 'lab/busybox:2' })],
  'killed_net',
);

const webWithProperties = `version: 1
dataset:
  properties: { compression: zstd, quota: 1G }
`;

/** Several hands at once, each on a service of its own: one cycle has to repair all of it and nothing else. */
describe('drift', () => {
  let lab: Homelab;

  beforeAll(async () => {
    lab = await startHomelab();
    const services = ['killed', 'removed', 'stopped', 'calm'].map(small);
    const properties = { 'services/calm/service.yaml': webWithProperties };
    await lab.push({ 'lab.yaml': labYaml, ...Object.assign({}, ...services), ...properties });
    await lab.converge();
  });

  afterAll(() => lab?.[Symbol.asyncDispose]());

  describe('of containers that were killed, removed and stopped', () => {
    let before: Record<string, Container>;
    let seen: CycleJson;

    beforeAll(async () => {
      before = await lab.containers();
      await lab.run('docker kill killed; docker rm -f removed; docker stop stopped');
      seen = await lab.converge();
    });

    test('is seen', () => {
      const expected = ['killed', 'removed', 'stopped'].map((name) => `update compose-stack:${name}`);
      // A stack without a container left is created.
      expected[1] = 'create compose-stack:removed';
      expect(changeLines(seen)).toEqual(expected.sort());
    });

    test.each([
      ['killed', { field: 'running', from: 'exited (exit 137)' }],
      ['removed', { field: 'container', note: 'it was removed by someone else' }],
      ['stopped', { field: 'running', to: 'running' }],
    ])('says what happened to %s', (name, reason) => {
      const change = seen.changes.find(({ service }) => service === name);
      expect(change?.reasons).toEqual([expect.objectContaining(reason)]);
    });

    test('is repaired, and the container that is well stays as it is', async () => {
      const after = await lab.containers();
      expect(touched(before, after)).toEqual(['killed', 'removed', 'stopped']);
      expect(Object.values(after).map(({ status }) => status)).toEqual(Array(4).fill('running'));
      expect(after.killed?.id).toBe(before.killed?.id);
      expect(after.stopped?.id).toBe(before.stopped?.id);
    });
  });

  describe('of what was edited by hand', () => {
    let before: Record<string, Container>;
    let seen: CycleJson;

    beforeAll(async () => {
      before = await lab.containers();
      await lab.vm.writeFile('/root/edited/docker-compose.yml', editedCompose);
      await lab.run('docker compose -p killed -f /root/edited/docker-compose.yml up -d');
      await lab.run('docker rm -f removed');
      const labels = [
        'project=removed',
        'service=removed',
        'config-hash=none',
        'oneoff=False',
        'container-number=1',
      ];
      const flags = labels.map((label) => `--label com.docker.compose.${label}`).join(' ');
      await lab.run(
        `docker run -d --name removed --network removed_net ${flags} --stop-signal KILL lab/busybox:2 sleep 9999`,
      );
      await lab.run(
        'zfs set quota=5G datapool/services/calm && zfs inherit compression datapool/services/calm',
      );
      seen = await lab.converge();
    });

    test('is seen: two containers and two properties', () => {
      expect(changeLines(seen)).toEqual([
        'update compose-stack:killed',
        'update compose-stack:removed',
        'update zfs-dataset:datapool/services/calm',
      ]);
      const properties = seen.changes.find(({ kind }) => kind === 'zfs-dataset')?.reasons;
      expect(properties?.map(({ field, from, to }) => `${field}: ${from} → ${to}`).sort()).toEqual([
        'compression: lz4 (inherited) → zstd',
        'quota: 5G → 1G',
      ]);
      const stacks = seen.changes.filter(({ kind }) => kind === 'compose-stack');
      for (const { reasons } of stacks) expect(reasons[0]?.note).toBe('changed by hand on the host');
    });

    test('becomes what Git says again', async () => {
      const after = await lab.containers();
      expect(touched(before, after)).toEqual(['killed', 'removed']);
      expect([after.killed?.image, after.removed?.image]).toEqual(['lab/busybox:1', 'lab/busybox:1']);
      const properties = 'zfs get -Hpo value,source quota,compression datapool/services/calm';
      expect(await lab.run(properties)).toBe('1073741824\tlocal\nzstd\tlocal');
    });
  });

  describe('of a dataset that was unmounted and a network that was removed', () => {
    let before: Record<string, Container>;
    let subnet: string;
    const subnetOf = () =>
      lab.run("docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' stopped_net");

    beforeAll(async () => {
      before = await lab.containers();
      subnet = await subnetOf();
      await lab.run(
        'docker exec calm sh -c "echo kept > /data/file" && chmod 700 /datapool/services/calm/data && zfs unmount -f datapool/services/calm',
      );
      await lab.run('docker network disconnect -f stopped_net stopped && docker network rm stopped_net');
    });

    test('is repaired with the same subnet, the same data, and the others left alone', async () => {
      expect(changeLines(await lab.converge())).toEqual([
        // Below what is not mounted nothing can be seen: it is gone through again once it is mounted.
        'create directory:/datapool/services/calm/data',
        'create docker-network:stopped_net',
        'update compose-stack:calm',
        'update compose-stack:stopped',
        'update zfs-dataset:datapool/services/calm',
      ]);
      expect(touched(before, await lab.containers())).toEqual(['calm', 'stopped']);
      expect(await subnetOf()).toBe(subnet);
      expect(await lab.run('cat /datapool/services/calm/data/file; docker exec calm cat /data/file')).toBe(
        'kept\nkept',
      );
      // What the container, or a person, has made of a directory survives the remount.
      expect(await lab.run('stat -c %a /datapool/services/calm/data')).toMatch(/^2?700$/);
      const joined =
        "docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' stopped";
      expect(await lab.run(joined)).toBe('stopped_net');
    });

    test('leaves nothing to do', async () => {
      const { exitCode, plan } = await lab.plan();
      expect([exitCode, plan.changes, plan.blocked]).toEqual([0, [], []]);
    });
  });
});
