import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Retention } from '../../../desired-state/backup-parts.ts';
import { jitterMs } from '../../../reconciler/backup/due.ts';
import { archiveName } from '../../../reconciler/backup/names.ts';
import { pruneOf } from '../../../reconciler/backup/prune.ts';
import type { ArchiveRecord } from '../../../reconciler/state/backups.ts';
import type { Step } from '../../../reconciler/types.ts';
import * as build from '../../support/build.ts';

const schedule = { cron: '0 3 * * *', timezone: 'UTC' };
const hourMs = 3_600_000;

function archive(atMs: number): ArchiveRecord {
  const name = archiveName('photo', atMs);
  return { name, id: name, atMs, clean: true, files: 1, originalBytes: 1 };
}

/** The times of the archives that go after one of `made`; all as `22T03:00`, of November. */
function pruned(times: string[], made: string, over: Parameters<typeof build.backup>[1] = {}): string[] {
  const ms = (time: string) => Date.parse(`2026-11-${time}:00Z`);
  const desired = build.backup('photo', { schedule, retention: { daily: 2 }, ...over });
  const now = { name: archiveName('photo', ms(made)), atMs: ms(made) };
  const steps = pruneOf(desired, times.map(ms).map(archive), now);
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

  it('is told by its time, jitter counted, also in the night in which summer time begins', () => {
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
  expect(pruned(['22T01:00', '22T02:00', '22T03:00'], '22T04:00', hours)).toEqual(['22T01:00', '22T02:00']);
});

it('whatever was made by hand, a scheduled archive is kept for as long as it would be without', () => {
  const count = fc.integer({ min: 0, max: 5 });
  const retention: fc.Arbitrary<Retention> = fc.record({ daily: count, weekly: count, monthly: count });
  const hours = fc.uniqueArray(fc.integer({ min: 1, max: 60 * 24 }), { maxLength: 10 });
  fc.assert(
    fc.property(retention, fc.integer({ min: 1, max: 30 }), hours, (wanted, days, byHand) => {
      const made = archive(Date.parse('2026-11-23T03:00Z'));
      const desired = build.backup('photo', { schedule, retention: wanted });
      const scheduled = Array.from({ length: days }, (_, day) =>
        archive(made.atMs - (day + 1) * 24 * hourMs),
      );
      const all = [...scheduled, ...byHand.map((hour) => archive(made.atMs - hour * hourMs + 60_000))];
      const gone = (archives: ArchiveRecord[]) => deleted(pruneOf(desired, archives, made));
      const without = new Set(gone(scheduled));
      const names = new Set(scheduled.map(({ name }) => name));
      for (const name of gone(all)) if (names.has(name)) expect(without).toContain(name);
      // And what was kept is kept again.
      const went = new Set(gone(all));
      expect(gone(all.filter(({ name }) => !went.has(name)))).toEqual([]);
    }),
  );
});
