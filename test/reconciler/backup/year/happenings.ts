import { repositoryLock } from '../../../../reconciler/state/lock.ts';
import type { Event } from './events.ts';
import { desiredOf, type Service, services } from './services.ts';
import { hourMs } from './wall-clock.ts';
import { start, type Year } from './year.ts';

/** What an event does to the server, and what ends it. */
export async function begin(event: Event, year: Year): Promise<() => void> {
  const { lab, server, accounts } = year;
  switch (event.what) {
    case 'power cut':
      return powerCut(year);
    case 'unreachable':
    case 'full':
      return server.trouble({ what: event.what, prefix: event.prefix });
    case 'clock':
      turn(event.byMs, year);
      return () => turn(-event.byMs, year);
    case 'slow upload':
      server.slow.set(event.service, 50 * hourMs);
      return () => {};
    case 'lock':
      return lock(event.service, year);
    case 'docker':
      lab.host.faults = { observe: { docker: 'unknown' } };
      return () => {
        lab.host.faults = {};
      };
    case 'suspend':
      suspend(event.names, year);
      return () => resume(event.names, year);
    case 'frequent':
      return often(year);
    case 'new services':
      accounts.present.push(...services.filter((service) => !accounts.present.includes(service)));
      push(year);
      year.attendance.come(attended(year));
      return () => {};
  }
}

async function powerCut(year: Year): Promise<() => void> {
  year.attendance.leave(year.accounts.present, 'power cut');
  year.daemon = null;
  // Of some the repository has all that there was to upload.
  await year.server.cutPower(({ name }) => /[02468]$/.test(name));
  return () => {
    year.daemon = start(year);
    year.attendance.come(attended(year));
  };
}

function turn(ms: number, year: Year): void {
  year.attendance.leave(year.accounts.present, 'clock set ahead');
  year.lab.turnClock(ms);
  year.attendance.come(attended(year));
}

function lock(name: string, { lab, server }: Year): () => void {
  const location = services.find((service) => service.name === name)?.location ?? '';
  const lockName = repositoryLock(location);
  if (server.locks.has(lockName)) throw new Error(`${location} is in use already`);
  server.locks.set(lockName, { pid: 7, command: 'browse', sinceMs: lab.now() });
  return () => server.locks.delete(lockName);
}

export function suspend(names: readonly string[], year: Year): void {
  for (const name of names) year.accounts.suspended.add(name);
  year.attendance.leave(
    year.accounts.present.filter(({ name }) => names.includes(name)),
    'suspended',
  );
  push(year);
}

function resume(names: readonly string[], year: Year): void {
  for (const name of names) year.accounts.suspended.delete(name);
  year.attendance.come(attended(year));
  push(year);
}

export const frequentOnes = services.filter(({ isFrequent }) => isFrequent).map(({ name }) => name);

/** Weeks in which the frequent ones are not suspended may overlap. */
function often(year: Year): () => void {
  year.often += 1;
  if (year.often === 1) resume(frequentOnes, year);
  return () => {
    year.often -= 1;
    if (year.often === 0) suspend(frequentOnes, year);
  };
}

function attended({ daemon, accounts: { present, suspended } }: Year): Service[] {
  return daemon === null ? [] : present.filter(({ name }) => !suspended.has(name));
}

function push({ lab, accounts: { present, suspended } }: Year): void {
  lab.push(desiredOf(present, suspended));
}
