import type { Retention } from '../../../../desired-state/backup-parts.ts';
import type { DesiredBackup, DesiredState } from '../../../../desired-state/types.ts';
import * as build from '../../../support/build.ts';
import { dayMs, type Rule, ticksOf, type WallDay } from './wall-clock.ts';

/** The two hundred services of the year, and what each of them is owed. */

export const startMs = 1_700_000_000_000;
export const days = 366;
export const atOnce = 34;

const everyDay = () => true;
const daily = (hour: number, minute: number) => ({ times: [{ hour, minute }] });
const on = (weekday: number) => (day: WallDay) => day.weekday === weekday;
const [berlin, newYork] = ['Europe/Berlin', 'America/New_York'];
const [sunday, wednesday] = [0, 3];

/** What cron is told, and the same in words of a calendar. */
interface Kind {
  cron: string | null;
  rule: Rule;
  count: number;
  retention: Retention | null;
  over?: Partial<DesiredBackup>;
  /** Only in the weeks in which clocks are changed; suspended between them. */
  isFrequent?: true;
}

const kinds: Kind[] = [
  {
    cron: '20 * * * *',
    rule: { timezone: berlin, on: everyDay, at: { every: 1, minute: 20 } },
    count: 2,
    retention: { hourly: 4, daily: 2 },
    isFrequent: true,
  },
  {
    cron: '0 */6 * * *',
    rule: { timezone: 'UTC', on: everyDay, at: { every: 6, minute: 0 } },
    count: 3,
    retention: { daily: 2 },
    isFrequent: true,
  },
  {
    cron: '30 2 * * *',
    rule: { timezone: berlin, on: everyDay, at: daily(2, 30) },
    count: 7,
    retention: { daily: 3 },
  },
  {
    // 02:00 to 03:00 is left out in March, and 01:00 to 02:00 comes twice in November.
    cron: '30 2 * * 0,3',
    rule: {
      timezone: newYork,
      on: ({ weekday }) => weekday === sunday || weekday === wednesday,
      at: daily(2, 30),
    },
    count: 3,
    retention: { daily: 1, weekly: 1 },
  },
  {
    cron: '30 2 * * 1-5',
    rule: {
      timezone: berlin,
      on: ({ weekday }) => weekday > 0 && weekday < 6,
      at: daily(2, 30),
    },
    count: 3,
    retention: { daily: 2 },
    over: { startingDeadlineSeconds: 3_600 },
  },
  {
    cron: '30 2 * * 0',
    rule: { timezone: berlin, on: on(sunday), at: daily(2, 30) },
    count: 30,
    retention: { weekly: 2 },
  },
  {
    cron: '30 1 * * 0',
    rule: { timezone: newYork, on: on(sunday), at: daily(1, 30) },
    count: 16,
    retention: { weekly: 2 },
  },
  {
    // Two times a day, of which one is left out or comes twice.
    cron: '30 2,14 * * 0,3',
    rule: {
      timezone: berlin,
      on: ({ weekday }) => weekday === sunday || weekday === wednesday,
      at: { times: [2, 14].map((hour) => ({ hour, minute: 30 })) },
    },
    count: 3,
    retention: { daily: 2 },
  },
  {
    // Its hour is left out and repeated at midnight.
    cron: '30 0 * * 0',
    rule: { timezone: 'America/Santiago', on: on(sunday), at: daily(0, 30) },
    count: 3,
    retention: { weekly: 2 },
  },
  {
    // Summer time is half an hour there.
    cron: '15 2 * * 0',
    rule: { timezone: 'Australia/Lord_Howe', on: on(sunday), at: daily(2, 15) },
    count: 3,
    retention: { weekly: 2 },
  },
  {
    cron: '10 22 * * 3',
    rule: { timezone: 'Asia/Kolkata', on: on(wednesday), at: daily(22, 10) },
    count: 18,
    retention: { weekly: 1, monthly: 1 },
    over: { jitterSeconds: 900 },
  },
  {
    cron: '0 3 1 * *',
    rule: { timezone: berlin, on: ({ day }) => day === 1, at: daily(3, 0) },
    count: 45,
    retention: { monthly: 2 },
  },
  {
    // The last of March 2024 has no 02:45.
    cron: '45 2 31 * *',
    rule: { timezone: berlin, on: ({ day }) => day === 31, at: daily(2, 45) },
    count: 30,
    retention: null,
  },
  {
    cron: '45 23 1,15 * *',
    rule: { timezone: newYork, on: ({ day }) => day === 1 || day === 15, at: daily(23, 45) },
    count: 28,
    retention: { monthly: 2 },
  },
  {
    cron: '0 4 29 2 *',
    rule: { timezone: 'UTC', on: ({ month, day }) => month === 2 && day === 29, at: daily(4, 0) },
    count: 4,
    retention: null,
  },
  {
    // By hand only.
    cron: null,
    rule: { timezone: 'UTC', on: () => false, at: daily(0, 0) },
    count: 2,
    retention: null,
  },
];

export interface Service extends Pick<Kind, 'cron' | 'rule' | 'retention'> {
  name: string;
  isFrequent: boolean;
  /** In milliseconds since the epoch, of the year and of some days around it: a clock may be wrong. */
  ticks: number[];
  maxJitterMs: number;
  deadlineMs: number | null;
  location: string;
  /** Of the first upload to the last: others have as much to upload every time. */
  uploadMs: number;
  backup: DesiredBackup;
}

export const services: Service[] = kinds.flatMap((kind, index) => {
  const ticks =
    kind.cron === null ? [] : ticksOf(kind.rule, startMs - 3 * dayMs, startMs + (days + 3) * dayMs);
  return Array.from({ length: kind.count }, (_, number) =>
    service(kind, ticks, `k${index}n${number}`, number),
  );
});

function service(kind: Kind, ticks: number[], name: string, number: number): Service {
  const { cron, rule, retention, over = {}, isFrequent = false } = kind;
  const location = `/backup/${['one', 'two', 'three'][number % 3]}/${name}`;
  const backup = build.backup(name, {
    schedule: cron === null ? null : { cron, timezone: rule.timezone },
    retention,
    // One of four has a container that stops for the snapshot: to look at those of all would take half of the time.
    ...(hasContainer(number) ? {} : { quiesce: 'none' }),
    repository: { ...build.repositoryRef, location },
    // On the fifth, at noon.
    drill: number % 15 === 1 ? { cron: '0 12 5 * *', timezone: 'UTC', start: false } : null,
    ...over,
  });
  return {
    ...{ name, cron, rule, retention, isFrequent, ticks, location, backup },
    maxJitterMs: backup.jitterSeconds * 1000,
    deadlineMs: backup.startingDeadlineSeconds === null ? null : backup.startingDeadlineSeconds * 1000,
    uploadMs: number % 20 === 19 ? 20 * 60_000 : 90_000,
  };
}

function hasContainer(number: number): boolean {
  return number % 4 === 0;
}

/** Some of the daily ones and others, by their position. */
export function verifies(index: number): boolean {
  return index % 50 === 7;
}

/** Git as it stands: these services, and whose backups are suspended. */
export function desiredOf(present: readonly Service[], suspended: ReadonlySet<string>): DesiredState {
  const root = build.dataset('datapool/services', { setsMountpoint: true, service: null });
  const each = ({ name, backup, location }: Service, index: number) => [
    build.dataset(`datapool/services/${name}`, { needs: [root.id] }),
    ...(backup.quiesce === 'stop'
      ? [build.stack(name, { containers: [build.container('app', { containerName: `${name}-app` })] })]
      : []),
    build.repository(name, {
      repository: { ...build.repositoryRef, location },
      // All of the data, which takes fifty hours: on the fifth, after noon.
      verifyData: verifies(index) ? { cron: '0 13 5 * *', timezone: 'UTC' } : null,
    }),
    { ...backup, suspend: suspended.has(name) },
  ];
  return build.desired([root, ...present.flatMap(each)], { backupsAtOnce: atOnce });
}
