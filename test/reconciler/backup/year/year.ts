import { readRuns } from '../../../../reconciler/state/runs.ts';
import { type LabRun, labRun } from '../../../support/lab-run.ts';
import { type Accounts, openAccounts } from './accounts.ts';
import { type Attendance, openAttendance } from './attendance.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { Event } from './events.ts';
import { newest } from './record.ts';
import { openServer, type Server } from './server.ts';
import { desiredOf, type Service, services } from './services.ts';
import { dayMs, hourMs } from './wall-clock.ts';

/**
 * The year itself: the clock goes from one moment at which something may have to be done to the next (a tick, and the
 * end of its jitter; the end of an upload; something that happens; an hour later where an archive could not be made),
 * and the daemon looks at each. At other times it would look as well, and see what it saw before.
 */
export interface Year {
  lab: LabRun;
  server: Server;
  accounts: Accounts;
  attendance: Attendance;
  /** Null: the server is off. */
  daemon: Daemon | null;
  looks: number;
  /** When it looks again whatever happens, on the monotonic clock. */
  againMs: number;
  /** When status is next compared with the books as a whole. */
  wholeMs: number;
  /** How many want the frequent services not to be suspended. */
  often: number;
}

/** Something that happens, on the monotonic clock. */
export interface Entry {
  atMs: number;
  /** What follows from it, such as its end. */
  act(year: Year): Promise<Entry[]>;
}

/** One of ten services comes later. */
export function beginYear(): Year {
  const present = services.filter(({ isFrequent }, index) => isFrequent || index % 10 !== 7);
  const lab = labRun(desiredOf(present, new Set()));
  const server = openServer(lab);
  const accounts = openAccounts(lab, server, present);
  const attendance = openAttendance(lab.now);
  const times = { looks: 0, againMs: Number.POSITIVE_INFINITY, wholeMs: 0, often: 0 };
  const year: Year = { lab, server, accounts, attendance, daemon: null, ...times };
  year.daemon = start(year);
  attendance.come(present);
  return year;
}

export function start(year: Year): Daemon {
  return startDaemon(year.lab, year.server, (cycle) => {
    year.looks += 1;
    year.accounts.expectPlan(cycle);
  });
}

/** Until `endMs`, on the monotonic clock. */
export async function liveThrough(year: Year, entries: readonly Entry[], endMs: number): Promise<void> {
  const { monotonic } = year.lab.besides().clock;
  let agenda = entries.toSorted(byTime);
  await look(year);
  while (monotonic() < endMs) {
    const wake = year.daemon === null ? [] : [nextTickMs(year), year.againMs];
    const nextMs = Math.min(endMs, agenda[0]?.atMs ?? endMs, year.server.nextMs(), ...wake);
    year.lab.later(Math.max(0, nextMs - monotonic()));
    year.server.goOn();
    const now = agenda.filter(({ atMs }) => atMs <= monotonic());
    for (const entry of now) agenda.push(...(await entry.act(year)));
    agenda = agenda.filter((entry) => !now.includes(entry)).sort(byTime);
    await look(year);
  }
}

export function entryOf(event: Event, begin: (event: Event, year: Year) => Promise<() => void>): Entry {
  return {
    atMs: event.atMs,
    async act(year) {
      const end = await begin(event, year);
      const act = async () => {
        end();
        return [];
      };
      return [{ atMs: event.atMs + event.forMs, act }];
    },
  };
}

function byTime(a: Entry, b: Entry): number {
  return a.atMs - b.atMs;
}

async function look(year: Year): Promise<void> {
  const { daemon, lab, server, accounts } = year;
  if (daemon === null) return;
  const { monotonic } = lab.besides().clock;
  const cycle = await daemon.look();
  const status = (names: ReadonlySet<string>) => daemon.status(cycle, names);
  for (const { name } of server.killed.splice(0))
    if (!readRuns(lab.store(), name, 3).some(({ result }) => result === 'interrupted'))
      throw new Error(`history has no word of the upload of ${name} that ended with the power`);
  const isWanted = accounts.expectUnderWay(status);
  // While they cannot work there is no need to watch every attempt.
  const patienceMs = (server.troubles.size > 0 ? 4 : 1) * hourMs;
  year.againMs = isWanted ? monotonic() + patienceMs : Number.POSITIVE_INFINITY;
  if (monotonic() < year.wholeMs) return;
  accounts.expectStatus(status);
  year.wholeMs += 7 * dayMs;
}

/** When the next tick comes, or its jitter is over, on the monotonic clock. */
function nextTickMs({ lab, accounts: { present, suspended } }: Year): number {
  const watched = present.filter(({ name }) => !suspended.has(name));
  const next = oneOfEach(watched).flatMap(({ ticks, maxJitterMs }) =>
    [0, maxJitterMs].map((ms) => (ticks[newest(ticks, lab.now() - ms) + 1] ?? Number.POSITIVE_INFINITY) + ms),
  );
  return lab.besides().clock.monotonic() + Math.min(...next) - lab.now();
}

function oneOfEach(present: readonly Service[]): Service[] {
  return [...new Map(present.map((service) => [service.ticks, service])).values()];
}
