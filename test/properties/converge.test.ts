import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../desired-state/types.ts';
import { converged } from '../../reconciler/plan.ts';
import type { Plan } from '../../reconciler/types.ts';
import { desiredStates, hostStories, liveThrough } from '../support/arbitraries.ts';
import { driftsOf } from '../support/arbitrary-drifts.ts';
import { type LabRun, labRun } from '../support/lab-run.ts';

/** Longer than the longest back-off. */
const laterMs = 30 * 60_000;
const runs = { numRuns: 40 };

async function withLab(desired: DesiredState, action: (lab: LabRun) => Promise<void>): Promise<void> {
  const lab = labRun(desired);
  try {
    await action(lab);
  } finally {
    lab.end();
  }
}

/** Cycles until there is nothing to do; fails when that takes more than a few. */
async function settleDown(lab: LabRun): Promise<void> {
  for (let cycle = 0; cycle < 4; cycle += 1) {
    const { plan, outcomes } = await lab.cycle();
    expect(plan).not.toBeNull();
    if (outcomes.length === 0 && converged(plan as Plan)) return;
    lab.later(laterMs);
  }
  const { plan } = await lab.cycle({ dry: true });
  expect(plan).toMatchObject({ changes: [], blocked: [] });
}

/** Directories that a crash left between their creation and their owner have mode 0. */
async function expectFinished(lab: LabRun): Promise<void> {
  const { desired } = await lab.cycle({ dry: true });
  const paths = (desired?.resources ?? []).flatMap((item) => (item.kind === 'directory' ? [item.path] : []));
  const seen = await lab.host.observer.observe({ paths });
  const unfinished = paths.filter((path) => {
    const found = seen.paths[path];
    return found?.known === true && found.value.type === 'directory' && found.value.mode === '0000';
  });
  expect(unfinished).toEqual([]);
}

/** The second time there is nothing to do, not one container was touched, and nothing lies on the OS disk. */
async function expectStill(lab: LabRun): Promise<void> {
  await expectFinished(lab);
  expect(lab.host.data().filter((path) => path.startsWith('/:'))).toEqual([]);
  const before = lab.host.containerCounts();
  const steps = lab.host.steps.length;
  const { plan } = await lab.cycle();
  expect(plan).toMatchObject({ changes: [], blocked: [] });
  expect(lab.host.containerCounts()).toEqual(before);
  expect(lab.host.steps.length).toBe(steps);
}

function expectNothingLost(lab: LabRun, before: string[]): void {
  const now = new Set(lab.host.data());
  expect(before.filter((datum) => !now.has(datum))).toEqual([]);
}

async function datasetsOf(lab: LabRun): Promise<string[]> {
  const { zfs } = await lab.host.observer.observe({ paths: [] });
  return zfs.known ? Object.values(zfs.value.datasets).map(({ name, guid }) => `${name} ${guid}`) : [];
}

const labs = desiredStates();
const labsWithStory = labs.chain((lab) => fc.tuple(fc.constant(lab), hostStories(lab)));

describe('whatever the host is like at first', () => {
  it('it becomes as Git says, the second time nothing is done, and no datum is lost', async () => {
    await fc.assert(
      fc.asyncProperty(labsWithStory, async ([desired, story]) => {
        await withLab(desired, async (lab) => {
          await liveThrough(lab.host, story);
          const data = lab.host.data();
          await settleDown(lab);
          await expectStill(lab);
          expectNothingLost(lab, data);
        });
      }),
      runs,
    );
  });

  it('what drifts afterwards is repaired', async () => {
    const cases = labs.chain((lab) => fc.tuple(fc.constant(lab), driftsOf(lab)));
    await fc.assert(
      fc.asyncProperty(cases, async ([desired, drifts]) => {
        await withLab(desired, async (lab) => {
          await settleDown(lab);
          const data = lab.host.data();
          for (const drift of drifts) lab.host.drift(drift);
          lab.later(laterMs);
          await settleDown(lab);
          await expectStill(lab);
          expectNothingLost(lab, data);
        });
      }),
      runs,
    );
  });
});

describe('whatever commit follows', () => {
  it('the host follows, and no dataset and no datum is ever lost', async () => {
    await fc.assert(
      fc.asyncProperty(labs, labs, async (first, second) => {
        await withLab(first, async (lab) => {
          await settleDown(lab);
          const datasets = await datasetsOf(lab);
          const data = lab.host.data();
          lab.push(second);
          lab.later(laterMs);
          await settleDown(lab);
          await expectStill(lab);
          expect(await datasetsOf(lab)).toEqual(expect.arrayContaining(datasets));
          expectNothingLost(lab, data);
        });
      }),
      runs,
    );
  });
});

describe('whatever goes wrong in a step', () => {
  const faults = fc.record({
    // By number any step may be hit; by kind of step the rare ones are, too.
    when: fc.oneof(
      fc.record({ number: fc.integer({ min: 1, max: 25 }) }),
      fc.record({
        op: fc.constantFrom('directory-create' as const, 'compose-up' as const, 'zfs-create' as const),
      }),
    ),
    how: fc.constantFrom('fail' as const, 'die' as const),
    after: fc.constantFrom('nothing' as const, 'half' as const, 'all' as const),
  });

  it('the next runs converge: a step that fails, or a process that dies before, in, or right after it', async () => {
    await fc.assert(
      fc.asyncProperty(
        labsWithStory,
        fc.array(faults, { minLength: 1, maxLength: 3 }),
        async ([desired, story], list) => {
          await withLab(desired, async (lab) => {
            await liveThrough(lab.host, story);
            const data = lab.host.data();
            const begun = lab.host.steps.length;
            lab.host.faults = {
              steps: list.map(({ when, how, after }) => ({
                when: 'number' in when ? { number: when.number + begun } : when,
                how,
                after,
              })),
            };
            for (const _ of list) {
              const outcome = await Promise.race([
                lab.cycle().catch((error: Error) => error),
                lab.host.crashed,
              ]);
              if (outcome instanceof Error) lab.restart();
              lab.later(laterMs);
              expectNothingLost(lab, data);
            }
            await settleDown(lab);
            await expectStill(lab);
            expectNothingLost(lab, data);
          });
        },
      ),
      runs,
    );
  });

  it('nothing is changed of what a tool does not tell about', async () => {
    const parts = fc.constantFrom('zfs' as const, 'docker' as const, 'system' as const, 'paths' as const);
    await fc.assert(
      fc.asyncProperty(labs, labs, parts, async (first, second, part) => {
        await withLab(first, async (lab) => {
          await settleDown(lab);
          lab.push(second);
          lab.host.faults = { observe: { [part]: 'unknown' } };
          const { plan } = await lab.cycle();
          const kinds: string[] = {
            zfs: ['zfs-dataset'],
            docker: ['docker-network', 'compose-stack'],
            system: ['group'],
            paths: [],
          }[part];
          expect((plan as Plan).changes.filter((change) => kinds.includes(change.kind))).toEqual([]);
          lab.host.faults = {};
          lab.later(laterMs);
          await settleDown(lab);
          await expectStill(lab);
        });
      }),
      runs,
    );
  });
});
