import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import type { Step } from '../../reconciler/types.ts';
import {
  type ContractCase,
  type ContractHost,
  datasetOf,
  execute,
  observe,
  restOf,
} from './contract-host.ts';

function at(host: ContractHost, name: string) {
  const { dataset, mountpoint } = host.parent;
  return { dataset: `${dataset}/${name}`, mountpoint: `${mountpoint}/${name}` };
}

function create(host: ContractHost, name: string, properties: Record<string, string> = {}): Step {
  return { op: 'zfs-create', ...at(host, name), properties };
}

export const zfsContract: ContractCase[] = [
  {
    name: 'a created dataset is mounted, has its properties locally and carries its own guid',
    async run(host) {
      await execute(host, create(host, 'made', { recordsize: '16384' }));
      const found = await datasetOf(host, at(host, 'made').dataset);
      equal(found?.mounted, true);
      equal(found?.mountpoint, at(host, 'made').mountpoint);
      deepEqual(found?.properties.recordsize, { value: '16384', source: 'local' });
      deepEqual(found?.properties['steward:guid'], { value: found?.guid, source: 'local' });
    },
  },
  {
    name: 'creating a dataset touches no other, and doing it again changes nothing',
    async run(host) {
      const { dataset } = at(host, 'twice');
      const before = await restOf(host, [dataset]);
      await execute(host, create(host, 'twice', { compression: 'zstd' }));
      const once = await datasetOf(host, dataset);
      await execute(host, create(host, 'twice', { compression: 'zstd' }));
      deepEqual(await datasetOf(host, dataset), once);
      deepEqual(await restOf(host, [dataset]), before);
    },
  },
  {
    name: 'creating a dataset that exists only completes what is missing',
    async run(host) {
      await execute(host, create(host, 'half'));
      const before = await datasetOf(host, at(host, 'half').dataset);
      await host.unmount(at(host, 'half').dataset);
      await execute(host, create(host, 'half', { atime: 'off' }));
      const after = await datasetOf(host, at(host, 'half').dataset);
      equal(after?.guid, before?.guid);
      equal(after?.mounted, true);
      deepEqual(after?.properties.atime, { value: 'off', source: 'local' });
    },
  },
  {
    name: 'a dataset is not created without its parent',
    async run(host) {
      await rejects(execute(host, create(host, 'no/parent')), { name: 'StepError' });
      equal(await datasetOf(host, at(host, 'no/parent').dataset), undefined);
    },
  },
  {
    name: 'a property is set locally, also twice, and inherited again',
    async run(host) {
      const { dataset } = at(host, 'property');
      await execute(host, create(host, 'property'));
      const before = (await datasetOf(host, dataset))?.properties.recordsize;
      const set: Step = { op: 'zfs-set', dataset, property: 'recordsize', value: '8192' };
      await execute(host, set, set);
      const changed = (await datasetOf(host, dataset))?.properties.recordsize;
      deepEqual(changed, { value: '8192', source: 'local' });
      const inherit: Step = { op: 'zfs-inherit', dataset, property: 'recordsize' };
      await execute(host, inherit, inherit);
      deepEqual((await datasetOf(host, dataset))?.properties.recordsize, before);
    },
  },
  {
    name: 'an unmounted dataset is mounted again, also twice',
    async run(host) {
      const { dataset, mountpoint } = at(host, 'unmounted');
      await execute(host, create(host, 'unmounted'));
      await host.unmount(dataset);
      equal((await datasetOf(host, dataset))?.mounted, false);
      const mount: Step = { op: 'zfs-mount', dataset, mountpoint };
      await execute(host, mount, mount);
      equal((await datasetOf(host, dataset))?.mounted, true);
    },
  },
  {
    name: 'a pool that is not there is named, and nothing is made in its place',
    async run(host) {
      const step: Step = { op: 'zfs-mount', dataset: 'nopool/a', mountpoint: '/nopool/a' };
      await rejects(execute(host, step), (error: Error) => {
        equal(error.name, 'StepError');
        match(error.message, /nopool is not imported/);
        return true;
      });
      const { paths } = await observe(host, ['/nopool']);
      deepEqual(paths['/nopool'], { known: true, value: { type: 'absent' } });
    },
  },
  {
    name: 'two datasets have different guids',
    async run(host) {
      await execute(host, create(host, 'one'), create(host, 'two'));
      const one = await datasetOf(host, at(host, 'one').dataset);
      const two = await datasetOf(host, at(host, 'two').dataset);
      ok(one !== undefined && two !== undefined);
      notEqual(one.guid, two.guid);
    },
  },
];
