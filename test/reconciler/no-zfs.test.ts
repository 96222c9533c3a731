import { expect, test } from 'vitest';
import { makePlan } from '../../reconciler/plan.ts';
import { network, observed, planInput, seenContainer, stack } from '../support/build.ts';

/** ZFS is missing, and nothing that is declared needs it. */

const noZfs = { known: false as const, error: 'zfs is not installed' };

test('stacks and networks are made where there is no ZFS', () => {
  const resources = [network(), stack('photo', { needs: ['docker-network:photo_net'] })];
  const { plan } = makePlan(planInput(resources, { ...observed({}), zfs: noZfs }));
  expect(plan.changes.map(({ id }) => id)).toEqual(['docker-network:photo_net', 'compose-stack:photo']);
  expect(plan.blocked).toEqual([]);
});

test('a converged host without ZFS has nothing to do', () => {
  const seen = observed({ containers: [seenContainer()] });
  const { plan } = makePlan(planInput([stack()], { ...seen, zfs: noZfs }));
  expect(plan.inSync).toEqual(['compose-stack:photo']);
  expect([...plan.changes, ...plan.blocked, ...plan.reports]).toEqual([]);
});
