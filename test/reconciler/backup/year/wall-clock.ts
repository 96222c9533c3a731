/**
 * When a schedule ticks, worked out once more and by other means than the reconciler's: minute after minute of the year,
 * from what the wall clock of the zone shows by Intl. Nothing of the code under test is imported here.
 */

export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

export interface WallDay {
  month: number;
  day: number;
  /** 0: Sunday. */
  weekday: number;
}

/** A schedule in words of a calendar. */
export interface Rule {
  timezone: string;
  on(day: WallDay): boolean;
  /**
   * `times`: each once a day, at the first minute of the day whose wall clock shows it or, where it is left out, more.
   * `every`: each minute that shows it, as often as it is shown, in each hour that `every` divides.
   */
  at: { times: readonly { hour: number; minute: number }[] } | { every: number; minute: number };
}

/** In order, from `fromMs` on and before `toMs`, in milliseconds since the epoch. */
export function ticksOf({ timezone, on, at }: Rule, fromMs: number, toMs: number): number[] {
  const ticks: number[] = [];
  const offset = offsets(timezone, fromMs - dayMs, toMs);
  const passed = 'times' in at ? at.times.map(() => 0) : [];
  for (let atMs = floor(fromMs - dayMs, minuteMs); atMs < toMs; atMs += minuteMs) {
    const wallMs = atMs + offset(atMs);
    const day = Math.floor(wallMs / dayMs);
    const minuteOfDay = (wallMs - day * dayMs) / minuteMs;
    let isTick = 'every' in at && minuteOfDay % (at.every * 60) === at.minute;
    for (const [index, { hour, minute }] of 'times' in at ? at.times.entries() : []) {
      if (day <= (passed[index] ?? 0) || minuteOfDay < hour * 60 + minute) continue;
      passed[index] = day;
      isTick = true;
    }
    if (isTick && atMs >= fromMs && on(wallDay(day))) ticks.push(atMs);
  }
  return ticks;
}

function wallDay(day: number): WallDay {
  const date = new Date(day * dayMs);
  return { month: date.getUTCMonth() + 1, day: date.getUTCDate(), weekday: date.getUTCDay() };
}

/** What the zone's wall clock is ahead of UTC, for each minute: every hour is asked for, and every minute of one in which it changes. */
function offsets(timezone: string, fromMs: number, toMs: number): (atMs: number) => number {
  const firstHour = Math.floor(fromMs / hourMs);
  const hours = Array.from({ length: Math.ceil(toMs / hourMs) - firstHour + 2 }, (_, index) =>
    offsetAt(timezone, (firstHour + index) * hourMs),
  );
  return (atMs) => {
    const index = Math.floor(atMs / hourMs) - firstHour;
    const [before, after] = [hours[index] ?? 0, hours[index + 1] ?? 0];
    return before === after ? before : offsetAt(timezone, atMs);
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();

export function offsetAt(timezone: string, atMs: number): number {
  const format = formats.get(timezone) ?? wallFormat(timezone);
  formats.set(timezone, format);
  // `2024-03-31 03:00`, as Sweden writes it.
  return Date.parse(`${format.format(atMs).replace(' ', 'T')}Z`) - floor(atMs, minuteMs);
}

function wallFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
}

export function floor(atMs: number, toMs: number): number {
  return Math.floor(atMs / toMs) * toMs;
}
