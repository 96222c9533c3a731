import { expect, it } from 'vitest';
import { dependentsIn, eachInTurn, needsOf, stopsFirst } from '../../reconciler/apply/container-order.ts';
import type { QuiescedContainer } from '../../reconciler/backup/step-parts.ts';

/** web needs db; films is of another service and writes to their data, with a helper of its own. */
const own = ['db', 'web'].map((name) => ({ name, healthy: false }));
const containers: QuiescedContainer[] = [
  { id: '1', name: 'db', needs: [] },
  { id: '2', name: 'web', needs: [{ name: 'db', healthy: true }] },
  {
    id: '3',
    name: 'films',
    needs: [{ name: 'helper', healthy: false }, ...own],
    foreign: { project: 'media' },
  },
  { id: '4', name: 'helper', needs: own, foreign: { project: 'media' } },
];

/** The order, and what failed. */
async function inTurn(before: typeof needsOf, failing: string[]) {
  const turns: string[] = [];
  const failures = await eachInTurn(containers, before, async ({ name }) => {
    if (failing.includes(name)) throw new Error(name);
    turns.push(name);
  });
  return { turns, failed: failures.map((error) => (error as Error).message) };
}

it('of another service they stop first, and as a person would type it too', async () => {
  expect((await inTurn(dependentsIn(containers), [])).turns).toEqual(['films', 'helper', 'web', 'db']);
  expect(stopsFirst(containers).map(({ name }) => name)).toEqual(['films', 'helper', 'web', 'db']);
});

it('nothing of the service itself stops where one of them cannot be stopped', async () => {
  expect(await inTurn(dependentsIn(containers), ['films'])).toEqual({ turns: [], failed: ['films'] });
});

it('they start last', async () => {
  expect((await inTurn(needsOf, [])).turns).toEqual(['db', 'web', 'helper', 'films']);
});

it('they start although the service itself cannot be started: it is no business of theirs', async () => {
  expect(await inTurn(needsOf, ['db'])).toEqual({ turns: ['helper', 'films'], failed: ['db'] });
});

it('but not before what they need at home', async () => {
  expect(await inTurn(needsOf, ['helper'])).toEqual({ turns: ['db', 'web'], failed: ['helper'] });
});
