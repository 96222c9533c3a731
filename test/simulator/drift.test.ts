import { describe, expect, it } from 'vitest';
import type { Drift } from '../../simulator/drift.ts';
import { aService, hostWith, run, up } from '../support/simulated.ts';

const path = '/datapool/git/data';
const guard = { dataset: 'datapool/git', mountpoint: '/datapool/git' };

async function busyHost() {
  const host = hostWith({
    git: [aService({ name: 'app', bindMounts: [path], networks: [{ name: 'git_net', external: true }] })],
  });
  await run(
    host,
    { op: 'zfs-create', dataset: 'datapool/git', properties: { atime: 'off' }, mountpoint: '/datapool/git' },
    { op: 'directory-create', path, guard, uid: 7, gid: 7, mode: '0700' },
    { op: 'directory-create', path: '/datapool/git/empty', guard, uid: 7, gid: 7, mode: '0700' },
    { op: 'network-create', network: 'git_net', subnet: '10.88.0.0/26', labels: {} },
    up('git'),
  );
  return host;
}

const drifts: Drift[] = [
  { drift: 'killContainer', name: 'git-app-1' },
  { drift: 'removeContainer', name: 'git-app-1' },
  { drift: 'editContainer', name: 'git-app-1' },
  { drift: 'createDataset', dataset: 'datapool/git/by-hand', properties: {} },
  { drift: 'unmountDataset', dataset: 'datapool/git' },
  { drift: 'overrideProperty', dataset: 'datapool/git', property: 'atime', value: 'on' },
  { drift: 'removeNetwork', network: 'git_net' },
  { drift: 'chownDirectory', path, uid: 0, gid: 0 },
  { drift: 'deleteDirectory', path: '/datapool/git/empty' },
  { drift: 'stopDocker' },
  { drift: 'exportPool', pool: 'datapool' },
];

describe('drift', () => {
  it.each(drifts)('$drift is seen by the observer and loses no data', async (drift) => {
    const host = await busyHost();
    const look = () => host.observer.observe({ paths: [path, '/datapool/git/empty'] });
    const [before, data] = [await look(), host.data()];
    expect(host.drift(drift)).toBe(true);
    expect(await look()).not.toEqual(before);
    expect(host.data()).toEqual(data);
    expect(data).toEqual(['datapool/git:/data/written-by-git-app-1']);
  });

  it.each<Drift>([
    { drift: 'killContainer', name: 'nobody' },
    { drift: 'unmountDataset', dataset: 'datapool/none' },
    { drift: 'removeNetwork', network: 'none' },
    { drift: 'deleteDirectory', path },
    { drift: 'deleteDirectory', path: '/datapool/git' },
    { drift: 'importPool', pool: 'datapool' },
  ])('%o has nothing to happen to', async (drift) => {
    const host = await busyHost();
    const before = await host.observer.observe({ paths: [path] });
    expect(host.drift(drift)).toBe(false);
    expect(await host.observer.observe({ paths: [path] })).toEqual(before);
  });
});
