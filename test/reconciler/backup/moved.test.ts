import { expect, it } from 'vitest';
import * as build from '../../support/build.ts';
import { aDayLater, archives, dayMs, desired, lab } from './saga-lab.ts';

/** Git names another repository, at whatever hour. */
function move(): void {
  const repository = { ...build.repository().repository, location: '/elsewhere/datapool_services_photo' };
  const resources = desired.resources.map((each) =>
    each.kind === 'backup' || each.kind === 'borg-repository' ? { ...each, repository } : each,
  );
  lab.push({ ...desired, resources });
}

const planned = async () => (await lab.cycle()).plan?.changes.map(({ id }) => id);

it('nothing is stopped for a night that has its archive in the repository before; the next night goes into the new one', async () => {
  await aDayLater();
  lab.later(60_000);
  move();
  expect(await planned()).toEqual(['borg-repository:datapool/services/photo']);
  await lab.beside(await lab.cycle());
  expect(archives()).toHaveLength(1);
  lab.later(dayMs);
  expect(await planned()).toEqual(['backup:photo']);
  await lab.beside(await lab.cycle());
  expect([...lab.host.state.archives.values()].map(({ location }) => location)).toEqual([
    '/backup/datapool_services_photo',
    '/elsewhere/datapool_services_photo',
  ]);
});

it('a night that has none is made up for in the new one', async () => {
  await lab.beside(await lab.cycle());
  lab.later(dayMs);
  move();
  expect(await planned()).toContain('backup:photo');
});
