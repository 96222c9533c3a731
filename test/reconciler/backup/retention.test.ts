import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Retention } from '../../../desired-state/backup-parts.ts';
import { type DatedArchive, keptBy } from '../../../reconciler/backup/retention.ts';

const rules = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const zones = ['UTC', 'Europe/Rome', 'America/New_York', 'Asia/Kathmandu'];

const count = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });
const retention: fc.Arbitrary<Retention> = fc.record({
  hourly: count,
  daily: count,
  weekly: count,
  monthly: count,
  yearly: count,
});

/** Dense and sparse: from minutes to months apart. */
const histories: fc.Arbitrary<DatedArchive[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(60, 3600, 86_400, 2_592_000)), {
    maxLength: 60,
  })
  .map((gaps) => {
    let atMs = Date.parse('2024-02-27T00:00Z');
    return gaps.map(([times, seconds], index) => {
      atMs += times * seconds * 1000;
      return { name: `a${index}`, atMs };
    });
  });

const wants = (wanted: Retention) => rules.some((rule) => (wanted[rule] ?? 0) > 0);

function holds(check: (wanted: Retention, history: DatedArchive[], zone: string) => void): void {
  fc.assert(fc.property(retention, histories, fc.constantFrom(...zones), check), { numRuns: 1_000 });
}

describe('whatever the retention and the history', () => {
  it('each kept archive exists and has a reason, and no rule keeps more than it was told', () => {
    holds((wanted, history, zone) => {
      if (!wants(wanted)) return;
      const kept = keptBy(wanted, history, zone);
      const names = new Set(history.map(({ name }) => name));
      for (const [name, why] of kept) {
        expect(names).toContain(name);
        expect(why).toMatch(/^(hourly|daily|weekly|monthly|yearly)( \d+|, the oldest)$/);
      }
      for (const rule of rules) {
        const own = [...kept.values()].filter((why) => why.startsWith(rule));
        expect(own.length).toBeLessThanOrEqual(wanted[rule] ?? 0);
      }
    });
  });

  it('the newest archive is kept', () => {
    holds((wanted, history, zone) => {
      const newest = history.at(-1);
      if (newest !== undefined) expect(keptBy(wanted, history, zone).has(newest.name)).toBe(true);
    });
  });

  it('without a retention all is kept', () => {
    holds((wanted, history, zone) => {
      if (!wants(wanted)) expect(keptBy(wanted, history, zone).size).toBe(history.length);
    });
    expect(keptBy({}, [{ name: 'a', atMs: 0 }], 'UTC').get('a')).toBe('no retention');
  });

  it('what was kept is kept again, with the same reasons', () => {
    holds((wanted, history, zone) => {
      const kept = keptBy(wanted, history, zone);
      const again = keptBy(
        wanted,
        history.filter(({ name }) => kept.has(name)),
        zone,
      );
      expect([...again]).toEqual([...kept]);
    });
  });

  it('the order in which archives are listed does not matter', () => {
    holds((wanted, history, zone) => {
      const shuffled = [...history].reverse();
      expect(new Map(keptBy(wanted, shuffled, zone))).toEqual(keptBy(wanted, history, zone));
    });
  });
});

it('days are those of the zone: 23:30 UTC is tomorrow in Rome', () => {
  const history = ['2026-11-22T22:30Z', '2026-11-22T23:30Z'].map((time) => ({
    name: time,
    atMs: Date.parse(time),
  }));
  expect([...keptBy({ daily: 2 }, history, 'Europe/Rome').keys()]).toHaveLength(2);
  expect([...keptBy({ daily: 1 }, history, 'UTC').keys()]).toEqual(['2026-11-22T23:30Z']);
});
