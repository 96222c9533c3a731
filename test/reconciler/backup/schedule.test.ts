import { describe, expect, it } from 'vitest';
import { dueTick, jitterMs, lastTick, nextTick, type Timing } from '../../../reconciler/backup/schedule.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function timing(over: Partial<Timing> = {}): Timing {
  const schedule = { cron: '30 2 * * *', timezone: 'Europe/Rome' };
  return { schedule, jitterSeconds: 0, startingDeadlineSeconds: null, service: 'photo', ...over };
}

/** Looks every ten minutes, makes an archive of whatever is due, and gives the ticks in the order they were made. */
function live(
  given: Timing,
  fromMs: number,
  toMs: number,
  clock: (realMs: number) => number = (ms) => ms,
): number[] {
  const made: number[] = [];
  const known = { firstSeenMs: fromMs, hasArchive: (tickMs: number) => made.includes(tickMs) };
  for (let real = fromMs; real <= toMs; real += 600_000) {
    const due = dueTick(given, known, clock(real));
    if (due.state === 'due') made.push(due.tickMs);
  }
  return made;
}

function allTicks(given: Timing, fromMs: number, toMs: number): number[] {
  const ticks: number[] = [];
  for (
    let at = nextTick(given.schedule, fromMs);
    at !== null && at <= toMs;
    at = nextTick(given.schedule, at)
  )
    ticks.push(at);
  return ticks;
}

describe('over a year', () => {
  const [from, to] = [Date.UTC(2024, 0, 1), Date.UTC(2025, 0, 1)];

  it.each([
    ['every night in Rome', '30 2 * * *', 'Europe/Rome', 366],
    ['every night in New York', '30 2 * * *', 'America/New_York', 366],
    ['every night in UTC', '0 0 * * *', 'UTC', 366],
    ['every Sunday', '15 4 * * 0', 'Europe/Rome', 52],
    ['on leap days', '0 3 29 2 *', 'Europe/Rome', 1],
    ['on the first of the month', '0 3 1 * *', 'Australia/Lord_Howe', 12],
  ])('%s there is one archive for each tick', (_name, cron, timezone, count) => {
    const given = timing({ schedule: { cron, timezone } });
    const made = live(given, from, to);
    expect(made).toEqual(allTicks(given, from, to));
    expect(Math.abs(made.length - count)).toBeLessThanOrEqual(1);
    expect(new Set(made).size).toBe(made.length);
  });

  it('the hour that is left out in spring makes its archive all the same, the one that comes twice makes one', () => {
    const given = timing();
    const dayOf = (atMs: number) => new Date(atMs).toLocaleDateString('sv', { timeZone: 'Europe/Rome' });
    const days = live(given, from, to).map(dayOf);
    expect(new Set(days).size).toBe(days.length);
    expect(days).toContain('2024-03-31');
    expect(days).toContain('2024-10-27');
  });

  it('a clock that is set back a day and put right again neither repeats a tick nor loses one', () => {
    const wrong = [Date.UTC(2024, 5, 10, 12), Date.UTC(2024, 5, 12, 12)] as const;
    const clock = (real: number) => (real >= wrong[0] && real < wrong[1] ? real - dayMs : real);
    const given = timing();
    const made = live(given, from, to, clock);
    expect([...made].sort((a, b) => a - b)).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
    expect(made).toEqual(allTicks(given, from, to).filter((tick) => made.includes(tick)));
    // The tick of the day on which the clock jumped forward by a day again may be passed over: only the newest counts.
    expect(allTicks(given, from, to).length - made.length).toBeLessThanOrEqual(1);
  });
});

describe('a tick', () => {
  const tick = Date.UTC(2026, 10, 23, 1, 30);
  const none = { firstSeenMs: 0, hasArchive: () => false };

  it('is due from its very second on', () => {
    expect(dueTick(timing(), none, tick)).toEqual({ state: 'due', tickMs: tick, sinceMs: tick });
    expect(dueTick(timing(), none, tick - 1)).toMatchObject({ tickMs: tick - dayMs });
    expect(lastTick(timing().schedule, tick + 999)).toBe(tick);
  });

  it('asks for nothing where the backup was declared after it', () => {
    const known = { ...none, firstSeenMs: tick };
    expect(dueTick(timing(), known, tick + hourMs)).toEqual({ state: 'done', nextMs: tick + dayMs });
  });

  it('is made up for once after a week, for the newest tick', () => {
    expect(dueTick(timing(), none, tick + 7 * dayMs + hourMs)).toMatchObject({ tickMs: tick + 7 * dayMs });
  });

  it('is left out once its deadline is over, and says when the next one is', () => {
    const strict = timing({ startingDeadlineSeconds: 3_600 });
    expect(dueTick(strict, none, tick + hourMs)).toMatchObject({ state: 'due' });
    expect(dueTick(strict, none, tick + hourMs + 1)).toEqual({
      state: 'missed',
      tickMs: tick,
      nextMs: tick + dayMs,
    });
  });

  it('begins later by the jitter of its service, which never changes', () => {
    const given = timing({ jitterSeconds: 3_600 });
    const delay = jitterMs('photo', 3_600);
    expect(delay).toBe(jitterMs('photo', 3_600));
    expect(delay).not.toBe(jitterMs('git', 3_600));
    expect(dueTick(given, none, tick + delay - 1)).toMatchObject({ tickMs: tick - dayMs });
    expect(dueTick(given, none, tick + delay)).toEqual({ state: 'due', tickMs: tick, sinceMs: tick + delay });
  });

  it('counts although the backup was first seen by a clock that ran ahead', () => {
    expect(dueTick(timing(), { ...none, firstSeenMs: tick + 30 * dayMs }, tick)).toMatchObject({
      state: 'due',
    });
  });
});
