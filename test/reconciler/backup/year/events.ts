import { type Service, services, startMs, verifies } from './services.ts';
import { dayMs, hourMs, minuteMs } from './wall-clock.ts';

/** What happens in the year, drawn from a fixed seed: the same on every run. */

export type Happening =
  | { what: 'power cut' }
  /** Of the repositories below that folder. */
  | { what: 'unreachable' | 'full'; prefix: string }
  /** Somebody sets it, and sets it right again at the end. */
  | { what: 'clock'; byMs: number }
  | { what: 'slow upload' | 'lock'; service: string }
  | { what: 'docker' }
  | { what: 'suspend'; names: string[] }
  /** The frequent ones are suspended else. */
  | { what: 'frequent' }
  | { what: 'new services' };

/** `atMs`: after the beginning of the year. */
export type Event = Happening & { atMs: number; forMs: number };

const slotMs = 8 * dayMs;
const at = (text: string) => Date.parse(text) - startMs;
/** Not the one whose data is verified for days. */
const daily = services.filter(({ cron }, index) => cron === '30 2 * * *' && !verifies(index));

/** Each in a slot of its own, so that all of them come; the order and the moment are drawn. */
export function drawEvents(seed: number): Event[] {
  const random = mulberry32(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const prefix = () => pick(['/backup/one/', '/backup/two/', '/backup/three/', '/backup/']);
  const aService = () => pick(daily).name;
  const drawn: [Happening, number][] = [
    [{ what: 'power cut' }, 7 * dayMs],
    ...repeat(4, (): [Happening, number] => [{ what: 'power cut' }, below(6) * hourMs + 40 * minuteMs]),
    [{ what: 'unreachable', prefix: '/backup/' }, 3 * dayMs],
    ...repeat(4, (): [Happening, number] => [
      { what: 'unreachable', prefix: prefix() },
      (2 + below(20)) * hourMs,
    ]),
    ...repeat(3, (): [Happening, number] => [{ what: 'full', prefix: prefix() }, (12 + below(48)) * hourMs]),
    [{ what: 'clock', byMs: -dayMs }, 5 * hourMs],
    [{ what: 'clock', byMs: dayMs }, 3 * hourMs],
    [{ what: 'clock', byMs: -2 * hourMs }, 6 * hourMs],
    [{ what: 'clock', byMs: 26 * hourMs }, 8 * hourMs],
    ...repeat(4, (): [Happening, number] => [{ what: 'slow upload', service: aService() }, 0]),
    ...repeat(4, (): [Happening, number] => [
      { what: 'lock', service: aService() },
      (30 + below(60)) * hourMs,
    ]),
    ...repeat(2, (): [Happening, number] => [{ what: 'docker' }, (20 + below(30)) * hourMs]),
  ];
  const slots = shuffled([...Array(drawn.length + 16).keys()].slice(1), below);
  const events = drawn.map(([happening, forMs], index): Event => {
    const room = Math.max(hourMs, slotMs - forMs - dayMs);
    return { ...happening, atMs: (slots[index] as number) * slotMs + below(room), forMs };
  });
  return [...events, ...reboots(slots.slice(drawn.length), below), ...around(events), ...certain(pick)];
}

/** In the middle of uploads. */
function reboots(slots: readonly number[], below: (limit: number) => number): Event[] {
  return slots.slice(0, 8).map((slot) => {
    const fromMs = startMs + slot * slotMs + below(6 * dayMs);
    const ticks = services.flatMap(({ ticks }) => ticks.find((tickMs) => tickMs > fromMs) ?? []);
    return { what: 'power cut', atMs: Math.min(...ticks) + 45_000 - startMs, forMs: 5 * minuteMs };
  });
}

/** Ticks that come often are seen where the clock is set. */
function around(events: readonly Event[]): Event[] {
  return events
    .filter(({ what, forMs }) => what === 'clock' || forMs === 7 * dayMs)
    .map(({ atMs, forMs }) => ({ what: 'frequent', atMs: atMs - 4 * hourMs, forMs: forMs + 8 * hourMs }));
}

/** What is not left to chance. */
function certain(pick: (names: readonly Service[]) => Service): Event[] {
  const weeks: [string, string][] = [
    ['2024-03-09T20:00Z', '2024-03-11T08:00Z'],
    ['2024-03-30T12:00Z', '2024-04-01T12:00Z'],
    ['2024-10-26T12:00Z', '2024-10-28T12:00Z'],
    ['2024-11-02T20:00Z', '2024-11-04T08:00Z'],
  ];
  return [
    ...weeks.map(([from, to]): Event => ({ what: 'frequent', atMs: at(from), forMs: at(to) - at(from) })),
    // Off at the end of the hour that is left out.
    { what: 'power cut', atMs: at('2024-03-31T00:50Z'), forMs: 20 * minuteMs },
    // Off at the first of two 02:30, and on again before the second.
    { what: 'power cut', atMs: at('2024-10-27T00:20Z'), forMs: 30 * minuteMs },
    { what: 'suspend', names: [pick(daily).name], atMs: at('2024-01-09T12:00Z'), forMs: 20 * dayMs },
    {
      what: 'suspend',
      names: services.slice(-60).map(({ name }) => name),
      atMs: at('2024-06-14T12:00Z'),
      forMs: 20 * dayMs,
    },
    { what: 'new services', atMs: at('2024-02-20T12:00Z'), forMs: 0 },
  ];
}

function repeat<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

function shuffled(items: number[], below: (limit: number) => number): number[] {
  const left = [...items];
  return items.map(() => left.splice(below(left.length), 1)[0] as number);
}

/** Small, well spread, and the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
