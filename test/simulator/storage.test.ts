import { describe, expect, it } from 'vitest';
import type { Step } from '../../reconciler/types.ts';
import type { SimulatedHost } from '../../simulator/host.ts';
import { hostWith, run } from '../support/simulated.ts';

const create = (dataset: string, properties: Record<string, string> = {}): Step => ({
  op: 'zfs-create',
  dataset,
  properties,
  mountpoint: `/${dataset}`,
});
const guard = { dataset: 'datapool/services', mountpoint: '/datapool/services' };
const directory = (path: string): Step => ({
  op: 'directory-create',
  path,
  guard,
  uid: 101_000,
  gid: 3000,
  mode: '2770',
});

async function zfs(host: SimulatedHost) {
  const { zfs: observed } = await host.observer.observe({ paths: [] });
  if (!observed.known) throw new Error(observed.error);
  return observed.value;
}

async function at(host: SimulatedHost, path: string) {
  const seen = (await host.observer.observe({ paths: [path] })).paths[path];
  return seen?.known ? seen.value : seen;
}

describe('datasets of the simulated host', () => {
  it('are created mounted, with a guid, their properties local and an owner of their own', async () => {
    const host = hostWith();
    await run(host, create('datapool/services', { recordsize: '16K', 'lab:note': 'x' }));
    const dataset = (await zfs(host)).datasets['datapool/services'];
    expect(dataset).toMatchObject({ mounted: true, mountpoint: '/datapool/services' });
    expect(dataset?.properties).toMatchObject({
      recordsize: { value: '16384', source: 'local' },
      'steward:guid': { value: dataset?.guid, source: 'local' },
      compression: { value: 'on', source: 'default' },
    });
  });

  it('inherit native and user properties, but no quota', async () => {
    const host = hostWith();
    await run(
      host,
      create('datapool/a', { quota: '1G', atime: 'off', 'lab:note': 'x' }),
      create('datapool/a/b'),
    );
    expect((await zfs(host)).datasets['datapool/a/b']?.properties).toMatchObject({
      quota: { value: '0', source: 'default' },
      atime: { value: 'off', source: 'inherited' },
      'lab:note': { value: 'x', source: 'inherited' },
    });
  });

  it('inherit their mountpoint and move with it', async () => {
    const host = hostWith();
    await run(host, create('datapool/a'), create('datapool/a/b'));
    await run(host, { op: 'zfs-set', dataset: 'datapool/a', property: 'mountpoint', value: '/srv' });
    expect((await zfs(host)).datasets['datapool/a/b']).toMatchObject({ mounted: true, mountpoint: '/srv/b' });
    await run(host, { op: 'zfs-inherit', dataset: 'datapool/a', property: 'mountpoint' });
    expect((await zfs(host)).datasets['datapool/a/b']?.mountpoint).toBe('/datapool/a/b');
  });

  it.each<[string, Step, string]>([
    ['without a parent', create('datapool/a/b'), "cannot create 'datapool/a/b': parent does not exist"],
    ['in a pool that is not there', create('tank/a'), 'the pool tank is not imported'],
    [
      'with a property that ZFS does not know',
      create('datapool/a', { speed: '9' }),
      "invalid property 'speed'",
    ],
    ['with an odd recordsize', create('datapool/a', { recordsize: '5000' }), 'must be power of 2'],
    [
      'elsewhere than the plan says',
      { ...create('datapool/a'), mountpoint: '/x' } as Step,
      'has the mountpoint /datapool/a, not /x',
    ],
  ])('are refused %s', async (_case, step, message) => {
    await expect(run(hostWith(), step)).rejects.toThrow(message);
  });

  it('are completed, not made anew, when the step runs again', async () => {
    const host = hostWith();
    await run(host, create('datapool/a'));
    const before = (await zfs(host)).datasets['datapool/a']?.guid;
    host.drift({ drift: 'unmountDataset', dataset: 'datapool/a' });
    await run(host, create('datapool/a', { atime: 'off' }));
    expect((await zfs(host)).datasets['datapool/a']).toMatchObject({ guid: before, mounted: true });
  });

  it('are not seen, and lose nothing, while their pool is not imported', async () => {
    const host = hostWith();
    await run(host, create('datapool/services'));
    host.writeData('/datapool/services/photo.jpg');
    host.drift({ drift: 'exportPool', pool: 'datapool' });
    expect(await zfs(host)).toMatchObject({ pools: [], datasets: {} });
    host.drift({ drift: 'importPool', pool: 'datapool' });
    expect((await zfs(host)).datasets['datapool/services']?.mounted).toBe(true);
    expect(host.data()).toEqual(['datapool/services:/photo.jpg']);
  });
});

describe('directories of the simulated host', () => {
  it('get owner and mode, together with those above that were missing', async () => {
    const host = hostWith();
    await run(host, create('datapool/services'), directory('/datapool/services/photo/library'));
    const library = { type: 'directory', uid: 101_000, gid: 3000, mode: '2770' };
    expect(await at(host, '/datapool/services/photo/library')).toEqual(library);
    expect(await at(host, '/datapool/services/photo')).toEqual(library);
  });

  it('are another file system’s while the dataset is unmounted, and nothing is written there', async () => {
    const host = hostWith();
    await run(host, create('datapool/services'), directory('/datapool/services/photo'));
    host.drift({ drift: 'unmountDataset', dataset: 'datapool/services' });
    expect(await at(host, '/datapool/services')).toMatchObject({ type: 'directory', mode: '0755' });
    expect(await at(host, '/datapool/services/photo')).toEqual({ type: 'absent' });
    await expect(run(host, directory('/datapool/services/photo'))).rejects.toThrow(
      'datapool/services is not mounted at /datapool/services',
    );
    await run(host, { op: 'zfs-mount', ...guard });
    expect(await at(host, '/datapool/services/photo')).toMatchObject({ mode: '2770' });
  });

  it.each([
    [true, 7],
    [false, 101_000],
  ])('change owner below themselves only when that is asked for (%s)', async (recursive, uid) => {
    const host = hostWith();
    const path = '/datapool/services/a';
    await run(host, create('datapool/services'), directory(`${path}/b/c`));
    host.writeData(`${path}/b/file`);
    await run(host, { op: 'directory-owner', path, guard, uid: 7, gid: 7, recursive });
    expect(await at(host, `${path}/b`)).toMatchObject({ uid });
    expect(await at(host, `${path}/b/file`)).toEqual({ type: 'other' });
  });
});
