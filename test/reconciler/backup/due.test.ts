import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archiveOf, type Due, type DueSpec, dueTick, jitterMs } from '../../../reconciler/backup/due.ts';
import { lastTick, nextTick } from '../../../reconciler/backup/schedule.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const year = { fromMs: Date.parse('2026-01-01T12:00Z'), toMs: Date.parse('2027-01-01T12:00Z') };

function spec(cron: string, timezone: string, over: Partial<DueSpec> = {}): DueSpec {
  const schedule = { cron, timezone };
  return { service: 'photo', schedule, jitterSeconds: 0, startingDeadlineSeconds: null, ...over };
}

/** Looks at each of the times, and makes the archive at once where one is due. Returns the ticks in this order. */
function live(wanted: DueSpec, timesMs: Iterable<number>, firstSeenMs = year.fromMs): number[] {
  const ticks: number[] = [];
  const archives: number[] = [];
  for (const nowMs of timesMs) {
    const hasArchive = (tickMs: number) => archiveOf(wanted, tickMs, archives);
    const due = dueTick(wanted, { firstSeenMs, hasArchive }, nowMs);
    if (due.state !== 'due') continue;
    ticks.push(due.tickMs);
    archives.push(nowMs);
  }
  return ticks;
}

function* clock(fromMs: number, toMs: number, stepMs: number): Generator<number> {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += stepMs) yield nowMs;
}

/** `2026-03-29 03:00` on the wall of the zone. */
const wall = (timeZone: string) => {
  const format = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return (atMs: number) => format.format(atMs);
};

describe.each([
  ['Europe/Rome', '2026-03-29', '2026-10-25'],
  ['America/New_York', '2026-03-08', '2026-11-01'],
])('a year in %s', (zone, gap, repeat) => {
  const at = wall(zone);

  it('has one tick a day at 02:30, also on the day without 02:30', () => {
    const ticks = live(spec('30 2 * * *', zone), clock(year.fromMs, year.toMs, 187 * minute));
    expect(ticks).toHaveLength(365);
    expect(new Set(ticks.map((tick) => at(tick).slice(0, 10))).size).toBe(365);
    const odd = ticks.map(at).filter((text) => !text.endsWith(' 02:30'));
    expect(odd).toEqual([`${gap} 03:00`]);
  });

  it('has one tick a day at 01:30, also on the day with two of them', () => {
    const ticks = live(spec('30 1 * * *', zone), clock(year.fromMs, year.toMs, 187 * minute)).map(at);
    expect(ticks).toHaveLength(365);
    expect(ticks.filter((text) => text.startsWith(repeat))).toEqual([`${repeat} 01:30`]);
  });

  it('has each of two times a day, also where one of them is left out or comes twice', () => {
    const ticks = live(spec('30 1,2,14 * * *', zone), clock(year.fromMs, year.toMs, 29 * minute)).map(at);
    expect(ticks).toHaveLength(3 * 365);
    const ofDay = (day: string) => ticks.filter((text) => text.startsWith(day)).map((text) => text.slice(11));
    expect(ofDay(gap)).toEqual(['01:30', '03:00', '14:30']);
    expect(ofDay(repeat)).toEqual(['01:30', '02:30', '14:30']);
  });

  it('has a tick in every hour that there is, and loses and repeats none to jitter', () => {
    const wanted = spec('0 * * * *', zone, { jitterSeconds: 1200 });
    const ticks = live(wanted, clock(year.fromMs + 30 * minute, year.toMs, 50 * minute));
    expect(jitterMs('photo', 1200)).toBeGreaterThan(0);
    expect(ticks.slice(0, -1)).toEqual(
      [...clock(year.fromMs, year.toMs - hour, hour)].slice(0, ticks.length - 1),
    );
    expect(year.toMs - (ticks.at(-1) as number)).toBeLessThan(2 * hour);
  });

  it('agrees backwards and forwards at every second', () => {
    const crons = [
      '30 2 * * *',
      '30 1 * * *',
      '30 1,2,14 * * *',
      '*/20 * * * *',
      '15 0-4 * * *',
      '0 3 * * 0',
      '0 0 1 * *',
    ];
    const instants = [Date.parse(gap), Date.parse(repeat), Date.parse('2026-06-15')].map((midnight) =>
      fc.integer({ min: midnight - day, max: midnight + 2 * day }),
    );
    const property = fc.property(fc.constantFrom(...crons), fc.oneof(...instants), (cron, nowMs) => {
      const schedule = { cron, timezone: zone };
      const last = lastTick(schedule, nowMs) as number;
      expect(last).toBeLessThanOrEqual(nowMs);
      const next = nextTick(schedule, nowMs) as number;
      expect(nextTick(schedule, last)).toBe(next);
      expect(next).toBeGreaterThan(nowMs);
      expect(lastTick(schedule, next)).toBe(next);
      expect(lastTick(schedule, next - 1)).toBe(last);
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});

describe('a clock', () => {
  const nightly = spec('30 2 * * *', 'Europe/Rome', { jitterSeconds: 600 });
  const startMs = Date.parse('2026-05-01T12:00Z');

  it.each([1, 2, 7])('that is set back by %i day(s) in the middle repeats and loses no tick', (days) => {
    const turn = startMs + 20 * day;
    const times = [
      ...clock(startMs, turn, 31 * minute),
      ...clock(turn - days * day, startMs + 40 * day, 31 * minute),
    ];
    const ticks = live(nightly, times, startMs);
    expect(ticks).toEqual([...new Set(ticks)]);
    expect(ticks).toHaveLength(40);
  });

  it('that ran a day ahead has made tomorrow’s archive, and no other tick is thought to have one', () => {
    const ahead = startMs + 3 * day;
    const times = [ahead, ...clock(startMs, startMs + 10 * day, 31 * minute)];
    const made = live(nightly, times, startMs);
    expect(made).toHaveLength(10);
    expect(new Set(made).size).toBe(10);
  });

  it('of a machine that was off for a week finds one tick due, the newest', () => {
    const times = [
      ...clock(startMs, startMs + 3 * day, 31 * minute),
      ...clock(startMs + 10 * day, startMs + 11 * day, 31 * minute),
    ];
    const at = wall('Europe/Rome');
    expect(live(nightly, times, startMs).map(at)).toEqual([
      ...['2026-05-02 02:30', '2026-05-03 02:30', '2026-05-04 02:30'],
      ...['2026-05-11 02:30', '2026-05-12 02:30'],
    ]);
  });
});

describe('a tick', () => {
  const none = { firstSeenMs: 0, hasArchive: () => false };
  const noon = Date.parse('2026-11-23T12:00Z');
  const nightly = spec('30 2 * * *', 'UTC');
  const tickMs = Date.parse('2026-11-23T02:30Z');

  it.each<[string, DueSpec, Parameters<typeof dueTick>[1], Due]>([
    ['without an archive is due', nightly, none, { state: 'due', tickMs, sinceMs: tickMs }],
    [
      'with its archive is done',
      nightly,
      { ...none, hasArchive: (at) => at === tickMs },
      { state: 'done', lastMs: tickMs, nextMs: tickMs + day },
    ],
    [
      'from before the backup was declared is not owed',
      nightly,
      { ...none, firstSeenMs: tickMs },
      { state: 'done', lastMs: null, nextMs: tickMs + day },
    ],
    [
      'that is too late is missed',
      { ...nightly, startingDeadlineSeconds: 3600 },
      none,
      { state: 'missed', tickMs },
    ],
    [
      'that is just not too late is due',
      { ...nightly, startingDeadlineSeconds: 9.5 * 3600 },
      none,
      { state: 'due', tickMs, sinceMs: tickMs },
    ],
    [
      'by hand only never comes',
      { ...nightly, schedule: null },
      none,
      { state: 'done', lastMs: null, nextMs: null },
    ],
  ])('%s', (_name, wanted, made, expected) => {
    expect(dueTick(wanted, made, noon)).toEqual(expected);
  });

  it('on the 29th of February comes every four years', () => {
    const leap = { cron: '0 4 29 2 *', timezone: 'Europe/Rome' };
    expect(nextTick(leap, noon)).toBe(Date.parse('2028-02-29T03:00Z'));
    expect(lastTick(leap, noon)).toBe(Date.parse('2024-02-29T03:00Z'));
    const daily = live(
      spec('0 4 * * *', 'Europe/Rome'),
      clock(Date.parse('2028-02-28T12:00Z'), Date.parse('2028-03-02T12:00Z'), hour),
      0,
    );
    expect(daily.map((tick) => new Date(tick).getUTCDate())).toEqual([28, 29, 1, 2]);
  });

  it('that can never come is never due', () => {
    const never = spec('0 4 31 2 *', 'UTC');
    expect(dueTick(never, none, noon)).toEqual({ state: 'done', lastMs: null, nextMs: null });
  });
});

describe('jitter', () => {
  it('is the same for a name, within its limit, in whole seconds, and spread', () => {
    const names = Array.from({ length: 200 }, (_, index) => `service-${index}`);
    const jitters = names.map((name) => jitterMs(name, 600));
    expect(jitters).toEqual(names.map((name) => jitterMs(name, 600)));
    expect(jitters.every((ms) => ms >= 0 && ms <= 600_000 && ms % 1000 === 0)).toBe(true);
    expect(new Set(jitters).size).toBeGreaterThan(150);
    expect(jitterMs('photo', 0)).toBe(0);
  });
});
