import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUndo } from '../../../../reconciler/state/undo.ts';
import { owed } from './attendance.ts';
import { drawEvents } from './events.ts';
import { begin, frequentOnes, suspend } from './happenings.ts';
import { days, services, startMs } from './services.ts';
import { dayMs, minuteMs, type Rule, ticksOf } from './wall-clock.ts';
import { beginYear, entryOf, liveThrough, type Year } from './year.ts';

/**
 * Two hundred services over a leap year with all that happens to a server, by the daemon's own way: cycle, lane, journal,
 * status. What has to come of it is known here from another source: ticks are counted off the wall clock, minute by
 * minute (wall-clock.ts), what is in the repositories is written down where it gets there (record.ts), and what is in the
 * way of an archive is known by whoever has put it there (server.ts, happenings.ts). At each look every open tick must be
 * in the plan, and no other; what is open and not under way must have its reason, and status must say it (accounts.ts).
 *
 * All two hundred are there for the whole year, but for twenty that come in February. Two things are left out, since a
 * look at everything costs some milliseconds: the services that are backed up every hour or every six hours are
 * suspended but for the days around each change of a clock and around the week without power; and three of four have no
 * container of their own.
 */
let year: Year;
/** What became of it -> how many ticks. */
const counted = new Map<string, number>();

beforeAll(async () => {
  year = beginYear();
  suspend(frequentOnes, year);
  const events = drawEvents(3).map((event) => entryOf(event, begin));
  await liveThrough(year, events, days * dayMs);
}, 600_000);

afterAll(() => year.lab.end());

describe('two hundred services for a year', () => {
  it('every tick has its archive, or its reason why it has none', () => {
    const { lab, server, accounts, attendance } = year;
    const unknown: string[] = [];
    for (const service of services) {
      const { name, ticks } = service;
      for (const index of owed(service, server.record.firstSeenMs.get(name) ?? 0, lab.now())) {
        const tick = `${name} ${ticks[index]}`;
        const isMade = server.record.made.get(name)?.has(ticks[index] ?? 0) === true;
        const what = isMade
          ? 'archived'
          : (accounts.reasons.get(tick) ?? attendance.absence(service, index) ?? 'unknown');
        counted.set(what, (counted.get(what) ?? 0) + 1);
        if (what === 'unknown') unknown.push(tick);
      }
    }
    expect(services).toHaveLength(200);
    expect(unknown).toEqual([]);
    expect(counted.get('archived')).toBeGreaterThan(9_000);
  });

  it.each([
    ['power cut', 400],
    ['clock set ahead', 50],
    ['suspended', 1_000],
    ['unreachable', 10],
    ['full', 10],
    ['missed', 5],
    ['locked', 2],
    ['docker', 1],
    ['proof', 5],
    ['upload before it', 3],
  ])('some ticks have no archive for this: %s', (what, atLeast) => {
    expect(counted.get(what)).toBeGreaterThanOrEqual(atLeast);
  });

  it('the repositories hold what was made and not pruned, each once', () => {
    const { lab, server } = year;
    const made = [...server.record.made].flatMap(([name, own]) =>
      [...own.values()].flatMap(({ tickMs, isDeleted }) => {
        const atMs = tickMs + (server.record.jitters.get(name) ?? 0);
        return isDeleted ? [] : [`${name}-${new Date(atMs).toISOString().replace('.000', '')}`];
      }),
    );
    const held = [...lab.host.state.archives.values()].map(({ name }) => name);
    expect(held.sort()).toEqual(made.sort());
    expect(server.record.deletions).toBeGreaterThan(8_000);
    expect(server.record.proven.size).toBeGreaterThan(15);
  });

  it('nothing is left behind', async () => {
    const { lab } = year;
    expect([...lab.host.state.snapshots.values()]).toEqual([]);
    expect(readUndo(lab.store())).toEqual([]);
    const containers = await lab.host.observer.observeContainers();
    expect(containers.known && containers.value.filter(({ state }) => state !== 'running')).toEqual([]);
  });
});

describe('the calendar that all of this is compared with, by hand', () => {
  const every = () => true;
  const at = (hour: number, minute: number): Rule['at'] => ({ times: [{ hour, minute }] });

  it.each<[string, Rule, string, string[]]>([
    [
      '02:30 does not exist in Berlin in March',
      { timezone: 'Europe/Berlin', on: every, at: at(2, 30) },
      '2024-03-30',
      ['2024-03-30T01:30', '2024-03-31T01:00', '2024-04-01T00:30'],
    ],
    [
      '02:30 comes twice in October',
      { timezone: 'Europe/Berlin', on: every, at: at(2, 30) },
      '2024-10-26',
      ['2024-10-26T00:30', '2024-10-27T00:30', '2024-10-28T01:30'],
    ],
    [
      '01:30 comes twice in New York in November',
      { timezone: 'America/New_York', on: every, at: at(1, 30) },
      '2024-11-02',
      ['2024-11-02T05:30', '2024-11-03T05:30', '2024-11-04T06:30'],
    ],
    [
      'midnight does not exist in Santiago in September',
      { timezone: 'America/Santiago', on: every, at: at(0, 30) },
      '2024-09-07',
      ['2024-09-07T04:30', '2024-09-08T04:00', '2024-09-09T03:30'],
    ],
    [
      'half an hour is left out on Lord Howe in October',
      { timezone: 'Australia/Lord_Howe', on: every, at: at(2, 15) },
      '2024-10-04',
      ['2024-10-04T15:45', '2024-10-05T15:30', '2024-10-06T15:15'],
    ],
    [
      'every six hours of UTC, at the end of a leap February',
      { timezone: 'UTC', on: ({ day }) => day === 29, at: { every: 6, minute: 0 } },
      '2024-02-28',
      ['2024-02-29T00:00', '2024-02-29T06:00', '2024-02-29T12:00', '2024-02-29T18:00'],
    ],
  ])('%s', (_what, rule, from, expected) => {
    const ticks = ticksOf(rule, Date.parse(from), Date.parse(from) + 3 * dayMs);
    expect(ticks.map((tickMs) => new Date(tickMs).toISOString().slice(0, 16))).toEqual(expected);
  });

  it('an hour that is left out has no tick of every hour, and one that is repeated has two', () => {
    const hourly: Rule = { timezone: 'Europe/Berlin', on: every, at: { every: 1, minute: 20 } };
    const ofDay = (day: string) => ticksOf(hourly, Date.parse(day), Date.parse(day) + dayMs);
    for (const day of ['2024-03-31', '2024-10-27', '2024-05-05'])
      expect(ofDay(day)).toEqual(
        Array.from({ length: 24 }, (_, hour) => Date.parse(day) + (hour * 60 + 20) * minuteMs),
      );
  });

  it('begins with the clock of the lab', () => {
    expect(year.server.record.firstSeenMs.get('k2n0')).toBe(startMs);
  });
});
