import { describe, expect, it } from 'vitest';
import { readBackup } from '../../../reconciler/state/backups.ts';
import { editProof } from '../../../reconciler/state/proofs.ts';
import {
  aDayLater,
  begin,
  damage,
  dayMs,
  drilled,
  lab,
  location,
  modes,
  ops,
  photo,
  proof,
  settle,
} from '../proof/proof-lab.ts';

/** Without a battery a server may come up in any year, until it has asked for the time. */
const ahead = 4_000 * dayMs;
const archives = () => [...lab.host.state.archives.values()].map(({ name }) => name).sort();

async function daysLater(days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) await aDayLater();
}

describe('a clock that was years ahead, and then right', () => {
  it('when a backup was first seen: every tick from then on has its archive', async () => {
    await begin(photo({}, false), ahead);
    lab.later(-ahead);
    await settle();
    await daysLater(2);
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z', 'photo-2023-11-16T02:30:00Z']);
    expect(readBackup(lab.store(), 'photo')?.firstSeenMs).toBeLessThan(lab.now());
  });

  it('when checks and drills were first seen: they come with their next tick', async () => {
    await begin(photo(drilled), ahead);
    lab.later(-ahead);
    await settle();
    await daysLater(6);
    expect(modes()).toEqual(['partial']);
    expect(ops()).toContain('borg-compare');
  });

  it('for a week of archives, checks and drills: none of them stands for a tick of now', async () => {
    await begin(photo(drilled));
    lab.later(ahead);
    await daysLater(8);
    const before = { checks: modes().length, all: ops().length };
    lab.later(-ahead - 8 * dayMs);
    await daysLater(8);
    expect(archives().filter((name) => name.startsWith('photo-2023-'))).not.toEqual([]);
    expect(modes().length).toBeGreaterThan(before.checks);
    expect(ops(before.all)).toContain('borg-compare');
  });

  it('for a week of archives: they take no place in the retention of those that come', async () => {
    await begin(photo({ retention: { daily: 3 } }, false));
    lab.later(ahead);
    await daysLater(4);
    const late = archives();
    lab.later(-ahead - 4 * dayMs);
    await daysLater(5);
    expect(archives().filter((name) => name.startsWith('photo-2023-'))).toEqual([
      'photo-2023-11-17T02:30:00Z',
      'photo-2023-11-18T02:30:00Z',
      'photo-2023-11-19T02:30:00Z',
    ]);
    expect(archives()).toEqual(expect.arrayContaining(late));
  });

  it('when an attempt failed: the next one is made', async () => {
    await begin(photo({}, false));
    lab.later(ahead);
    lab.host.faults = { steps: [{ when: { op: 'borg-create' }, how: 'fail', after: 'nothing', times: 9 }] };
    await settle();
    lab.host.faults = {};
    lab.later(-ahead);
    await aDayLater();
    lab.later(3_600_000);
    await settle();
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
  });

  it('when attempts had stopped the service often enough: the next one is made within a day', async () => {
    await begin(photo({}, false));
    lab.later(ahead);
    lab.host.faults = { steps: [{ when: { op: 'borg-create' }, how: 'fail', after: 'nothing', times: 9 }] };
    for (let hour = 0; hour < 9; hour += 1) {
      await settle();
      lab.later(3_600_000);
    }
    lab.host.faults = {};
    lab.later(-ahead);
    await settle();
    await aDayLater();
    expect(archives()).toEqual(['photo-2023-11-16T02:30:00Z']);
  });

  it('when a whole check was clean: damage that is found now is damage', async () => {
    await begin(photo({ retention: { daily: 2 } }));
    await aDayLater();
    const then = lab.now() + ahead;
    editProof(lab.store(), 'full', location, () => ({ atMs: then, goodMs: then, result: 'good' }));
    damage('index');
    await daysLater(5);
    expect(proof('partial')).toMatchObject({ result: 'bad' });
    const before = ops().length;
    await aDayLater();
    expect(modes().at(-1)).toBe('full');
    expect(ops(before)).not.toContain('borg-delete');
  });

  it('also where the check that finds it is the first to be recorded since', async () => {
    await begin(photo({ retention: { daily: 2 } }));
    lab.later(5 * dayMs);
    await lab.beside(await lab.cycle());
    damage('index');
    const check = await lab.cycle();
    const then = lab.now() + ahead;
    editProof(lab.store(), 'full', location, () => ({ atMs: then, goodMs: then, result: 'good' }));
    await lab.beside(check);
    expect(proof('partial')).toMatchObject({ result: 'bad' });
    expect((await lab.cycle()).plan?.reports[0]?.reasons[0]?.note).toContain('borg check found damage');
  });
});
