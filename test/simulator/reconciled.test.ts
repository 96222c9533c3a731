import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../desired-state/types.ts';
import { approve } from '../../reconciler/state/inventory.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { simulatedHost } from '../../simulator/host.ts';
import { desiredStates, driftsOf, hostStories, liveThrough } from '../support/arbitraries.ts';
import { checkout, cycleOn, virtualClock } from '../support/simulated-cycle.ts';

/** The planner's own properties are in test/properties; these prove that the simulated host is fit for them. */

async function withLab<T>(
  lab: DesiredState,
  action: (parts: ReturnType<typeof labOn>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'reconciled-'));
  const parts = labOn(folder, lab);
  try {
    return await action(parts);
  } finally {
    parts.store.close();
    rmSync(folder, { recursive: true });
  }
}

function labOn(folder: string, lab: DesiredState) {
  const clock = virtualClock();
  const git = checkout(lab);
  const host = simulatedHost({ now: clock.now, resolveStack: git.resolveStack });
  const store = openStore(folder);
  // No power cut in here, and dozens of syncs a run otherwise.
  store.db.exec('PRAGMA synchronous = OFF');
  const cycle = () => {
    clock.advance(3_600_000);
    return cycleOn(host, git.current, { store, clock });
  };
  return { git, host, store, cycle };
}

const runs = 30;
const settled = { changes: [], blocked: [] };

describe('a lab on the simulated host', () => {
  it('converges from any host, then stays as it is, and no data is lost', async () => {
    const cases = desiredStates({ suspended: true }).chain((lab) =>
      fc.tuple(fc.constant(lab), hostStories(lab)),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([lab, story]) =>
        withLab(lab, async ({ host, cycle }) => {
          await liveThrough(host, story);
          const data = host.data();
          await cycle();
          const counts = host.containerCounts();
          expect((await cycle()).plan).toMatchObject(settled);
          expect(host.containerCounts()).toEqual(counts);
          expect(host.data()).toEqual(expect.arrayContaining(data));
        }),
      ),
      { numRuns: runs },
    );
  });

  it('goes from one commit to another, through drift and a death at any step', async () => {
    const labs = fc.tuple(desiredStates(), desiredStates());
    const cases = labs.chain(([one, two]) =>
      fc.tuple(
        fc.constant([one, two] as const),
        driftsOf(one),
        fc.nat(30),
        fc.constantFrom('nothing', 'half', 'all'),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([[one, two], drifts, number, after]) =>
        withLab(one, async ({ git, host, store, cycle }) => {
          await cycle();
          for (const drift of drifts) host.drift(drift);
          const data = host.data();
          git.current = two;
          // Two random commits may have no service in common, which is held otherwise.
          approve(store, two.commit.id, 0);
          const fatal = host.steps.length + number;
          host.faults = {
            steps: [{ when: { matches: (_step, at) => at > fatal }, how: 'die', after: after as 'half' }],
          };
          await cycle().catch(() => {});
          host.revive();
          host.faults = {};
          await cycle();
          await cycle();
          expect((await cycle()).plan).toMatchObject(settled);
          expect(host.data()).toEqual(expect.arrayContaining(data));
          expect(host.data().filter((path) => path.startsWith('/:'))).toEqual([]);
        }),
      ),
      { numRuns: runs },
    );
  });
});
