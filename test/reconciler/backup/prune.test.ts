import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Retention } from '../../../desired-state/backup-parts.ts';
import { jitterMs } from '../../../reconciler/backup/due.ts';
import { archiveName } from '../../../reconciler/backup/names.ts';
import { pruneOf } from '../../../reconciler/backup/prune.ts';
import type { ArchiveRecord } from '../../../reconciler/state/archives.ts';
import type { Step } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';

const schedule = { cron: '0 3 * * *', timezone: 'UTC' };
const hourMs = 3_600_000;

function archive(atMs: number, byHand: boolean | null = null): ArchiveRecord {
  const name = archiveName('photo', atMs);
  return { name, id: name, atMs, clean: true, files: 1, originalBytes: 1, byHand };
}

type Over = Parameters<typeof build.backup>[1];

const atThree = (time: string) => time.endsWith('T03:00');

/** The times of the archives that go after one of `made`; all as `22T03:00`, of November. `said`: whose they are. */
function pruned(
  times: string[],
  made: string,
  over: Over = {},
  said: (time: string) => boolean | null = (time) => !atThree(time),
): string[] {
  const at = (time: string) => archive(Date.parse(`2026-11-${time}:00Z`), said(time));
  const desired = build.backup('photo', { schedule, retention: { daily: 2 }, ...over });
  const steps = pruneOf(desired, times.map(at), { ...at(made), byHand: !atThree(made) });
  return deleted(steps).map((name) => name.slice('photo-2026-11-'.length, -':00Z'.length));
}

function deleted(steps: Step[]): string[] {
  return steps.flatMap((step) => (step.op === 'borg-delete' ? step.archives : []));
}

describe('an archive by hand', () => {
  it('takes the place of no scheduled one: neither on its day nor for as long as that is kept', () => {
    const days = ['20T03:00', '21T03:00', '22T03:00'];
    expect(pruned(days, '22T10:00')).toEqual(['20T03:00']);
    expect(pruned([...days.slice(1), '22T10:00'], '23T03:00')).toEqual(['21T03:00']);
    expect(pruned(['22T03:00', '22T10:00', '23T03:00'], '24T03:00')).toEqual(['22T03:00', '22T10:00']);
  });

  it('stays for a day, whatever else is made by hand meanwhile', () => {
    const before = ['20T03:00', '21T03:00', '22T03:00', '22T08:00'];
    expect(pruned(before, '22T10:00')).toEqual(['20T03:00']);
    expect(pruned([...before.slice(1), '22T10:00'], '23T03:00')).toEqual(['21T03:00']);
    expect(pruned([...before.slice(2), '22T10:00', '23T03:00'], '23T11:00')).toEqual(['22T08:00']);
  });

  it('stays for a day also where there is no schedule', () => {
    const before = ['20T08:00', '22T08:00', '22T10:00'];
    expect(pruned(before, '22T12:00', { schedule: null, retention: { daily: 1 } })).toEqual(['20T08:00']);
    expect(pruned(before, '23T08:01', { schedule: null, retention: { daily: 1 } })).toEqual([
      '20T08:00',
      '22T08:00',
    ]);
  });

  it.each<[what: string, over: Over]>([
    ['its hour', { schedule: { cron: '0 4 * * *', timezone: 'UTC' } }],
    ['its hour, to that of one by hand', { schedule: { cron: '0 10 * * *', timezone: 'UTC' } }],
    ['its jitter', { jitterSeconds: 600 }],
    ['its time zone', { schedule: { cron: '0 3 * * *', timezone: 'Asia/Tokyo' } }],
    ['nothing any more', { schedule: null }],
  ])('is known as one whatever the schedule is today: a commit changes %s', (_what, over) => {
    const days = ['19T03:00', '19T10:00', '20T03:00', '20T10:00', '21T03:00'];
    expect(pruned(days, '21T10:00', { ...over, retention: { daily: 30 } })).toEqual([]);
    expect(pruned(days, '22T03:00', over)).toEqual(['19T03:00', '19T10:00', '20T03:00', '20T10:00']);
  });

  it('that does not say so is told by its time, jitter counted, also in the night in which summer time begins', () => {
    const rome = { cron: '30 2 * * *', timezone: 'Europe/Rome' };
    const nights = (jitterSeconds: number) => {
      const desired = build.backup('photo', { schedule: rome, jitterSeconds, retention: { daily: 3 } });
      const shiftMs = jitterMs('photo', jitterSeconds);
      const at = (time: string, byMs = shiftMs) => archive(Date.parse(`2026-03-${time}:00Z`) + byMs);
      const old = [at('26T01:30'), at('27T01:30'), at('28T01:30'), at('29T01:00'), at('29T12:00', 0)];
      return deleted(pruneOf(desired, old, at('30T00:30')));
    };
    expect(nights(0)).toEqual(['photo-2026-03-26T01:30:00Z', 'photo-2026-03-27T01:30:00Z']);
    expect(nights(7200)).toHaveLength(2);
  });
});

it('what the schedule alone has made goes as the retention says, and as it did', () => {
  const days = ['20T03:00', '21T03:00', '22T03:00'];
  expect(pruned(days, '23T03:00', { retention: { daily: 2 } })).toEqual(['20T03:00', '21T03:00']);
  const hours = { schedule: { cron: '0 * * * *', timezone: 'UTC' }, retention: { hourly: 2 } };
  const bySchedule = () => false;
  const three = ['22T01:00', '22T02:00', '22T03:00'];
  expect(pruned(three, '23T03:00', hours, bySchedule)).toEqual(['22T01:00', '22T02:00']);
});

describe('one of an earlier Steward, which does not say what it is,', () => {
  const nothing = () => null;
  const moved = { schedule: { cron: '0 4 * * *', timezone: 'UTC' } };
  const nights = ['18T03:00', '19T03:00', '20T03:00', '21T03:00'];

  it('goes for none that may be by hand, after the schedule has moved', () => {
    const all = [...nights, '19T10:00', '20T10:07', '21T15:11'];
    expect(pruned(all, '22T03:00', { ...moved, retention: { daily: 30 } }, nothing)).toEqual([]);
  });

  it('goes with its like as the retention says', () => {
    expect(pruned(nights, '22T03:00', moved, nothing)).toEqual(nights.slice(0, 3));
  });
});

it('whatever was made by hand, a scheduled archive is kept for as long as it would be without', () => {
  const count = fc.integer({ min: 0, max: 5 });
  const retention: fc.Arbitrary<Retention> = fc.record({ daily: count, weekly: count, monthly: count });
  const hours = fc.uniqueArray(fc.integer({ min: 1, max: 60 * 24 }), { maxLength: 10 });
  const moves = fc.constantFrom('0 3 * * *', '30 4 * * *');
  fc.assert(
    fc.property(
      retention,
      fc.integer({ min: 1, max: 30 }),
      hours,
      fc.boolean(),
      moves,
      (wanted, days, byHand, marks, cron) => {
        const made = archive(Date.parse('2026-11-23T03:00Z'), false);
        const desired = build.backup('photo', { schedule: { ...schedule, cron }, retention: wanted });
        const scheduled = Array.from({ length: days }, (_, day) =>
          archive(made.atMs - (day + 1) * 24 * hourMs, marks ? false : null),
        );
        const noons = byHand.map((hour) => archive(made.atMs - hour * hourMs + 60_000, marks ? true : null));
        const all = [...scheduled, ...noons];
        const gone = (archives: ArchiveRecord[]) => deleted(pruneOf(desired, archives, made));
        const without = new Set(gone(scheduled));
        const names = new Set(scheduled.map(({ name }) => name));
        for (const name of gone(all)) if (names.has(name)) expect(without).toContain(name);
        // And what was kept is kept again.
        const went = new Set(gone(all));
        expect(gone(all.filter(({ name }) => !went.has(name)))).toEqual([]);
      },
    ),
  );
});
