import type { Retention } from '../../desired-state/backup-parts.ts';

/** Which archives a retention keeps, decided here rather than by `borg prune`: a plan can then name what goes. */

export interface DatedArchive {
  name: string;
  atMs: number;
}

type Rule = keyof Retention;

/** In the order in which borg applies them: an archive that one rule keeps does not count for the next. */
const rules: Rule[] = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];

/**
 * Name of an archive that is kept -> why, as `daily 3`. The same choice as `borg prune` 1.2 and 1.4 make: of each period
 * the newest archive, the newest periods first; while there are fewer periods than wanted, the oldest archive besides.
 * A retention that wants nothing keeps everything, as borg refuses to prune by it. Periods are those of `timezone`. Pure.
 */
export function keptBy(
  retention: Retention,
  archives: readonly DatedArchive[],
  timezone: string,
): Map<string, string> {
  if (!rules.some((rule) => (retention[rule] ?? 0) > 0))
    return new Map(archives.map(({ name }) => [name, 'no retention']));
  const newestFirst = [...archives].sort((a, b) => b.atMs - a.atMs);
  const kept = new Map<string, string>();
  const calendar = calendarOf(timezone);
  for (const rule of rules) keepByRule(rule, retention[rule] ?? 0, newestFirst, calendar, kept);
  return kept;
}

function keepByRule(
  rule: Rule,
  wanted: number,
  newestFirst: readonly DatedArchive[],
  calendar: Calendar,
  kept: Map<string, string>,
): void {
  let period: string | null = null;
  let count = 0;
  for (const archive of newestFirst) {
    if (count === wanted) return;
    const own = periods[rule](calendar(archive.atMs));
    if (own === period) continue;
    period = own;
    if (kept.has(archive.name)) continue;
    count += 1;
    kept.set(archive.name, `${rule} ${count}`);
  }
  const oldest = newestFirst.at(-1);
  if (count < wanted && oldest !== undefined && !kept.has(oldest.name))
    kept.set(oldest.name, `${rule}, the oldest`);
}

interface LocalTime {
  year: number;
  month: number;
  day: number;
  hour: number;
}

type Calendar = (atMs: number) => LocalTime;

/** By time zone: to make one takes longer than all that is asked of it for one service. */
const calendars = new Map<string, Calendar>();

function calendarOf(timeZone: string): Calendar {
  const calendar = calendars.get(timeZone) ?? newCalendar(timeZone);
  calendars.set(timeZone, calendar);
  return calendar;
}

function newCalendar(timeZone: string): Calendar {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
  });
  return (atMs) => {
    const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
    return { year: part('year'), month: part('month'), day: part('day'), hour: part('hour') };
  };
}

const periods: Record<Rule, (time: LocalTime) => string> = {
  hourly: ({ year, month, day, hour }) => `${year}-${month}-${day} ${hour}`,
  daily: ({ year, month, day }) => `${year}-${month}-${day}`,
  weekly: isoWeek,
  monthly: ({ year, month }) => `${year}-${month}`,
  yearly: ({ year }) => `${year}`,
};

/** The week, beginning on Monday, that the day's Thursday lies in (ISO 8601). */
function isoWeek({ year, month, day }: LocalTime): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const newYear = Date.UTC(date.getUTCFullYear(), 0, 1);
  return `${date.getUTCFullYear()}-W${Math.floor((date.getTime() - newYear) / 604_800_000)}`;
}
