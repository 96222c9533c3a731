import type { BackupStatus } from '../../../../cli/render/types.ts';
import { archiveName } from '../../../../reconciler/backup/names.ts';
import type { Cycle } from '../../../../reconciler/cycle.ts';
import { repositoryLock } from '../../../../reconciler/state/lock.ts';
import type { LabRun } from '../../../support/lab-run.ts';
import { jitterOf, openTick, tickOf } from './record.ts';
import type { Server, Trouble } from './server.ts';
import { atOnce, type Service } from './services.ts';
import { hourMs } from './wall-clock.ts';

/** Every tick is accounted for: at each look by what the plan and status say of it, and once more when the year is over. */

export type Reason =
  | 'suspended'
  | 'missed'
  | 'upload before it'
  | 'proof'
  | 'locked'
  | 'docker'
  | 'unreachable'
  | 'full'
  | 'turn';

/** What status must say then. */
const words: { [R in Reason]: { states: BackupStatus['state'][]; why: RegExp | null } } = {
  suspended: { states: ['suspended'], why: null },
  missed: { states: ['missed'], why: /was not made within startingDeadline/ },
  'upload before it': { states: ['running'], why: null },
  proof: { states: ['waiting'], why: /^waits for the (check of all data|restore drill) of its repository/ },
  locked: { states: ['waiting'], why: /^steward browse \(pid 7\) is at work on its repository$/ },
  docker: { states: ['blocked'], why: /docker: a simulated fault/ },
  unreachable: { states: ['blocked'], why: /Connection closed by remote host/ },
  full: { states: ['blocked'], why: /No space left on device/ },
  turn: { states: ['waiting'], why: /^waits for its turn/ },
};

/** How long after the last failure the next attempt may be waited for: an hour, or a day where it stops the service. */
const patienceMs: { [W in Trouble['what']]: number } = { unreachable: 3 * hourMs, full: 25 * hourMs };

/** Of the services of these names. */
type Status = (names: ReadonlySet<string>) => Map<string, BackupStatus>;

export interface Accounts {
  /** Service and tick -> the last thing that stood in the way of its archive. */
  reasons: Map<string, Reason>;
  present: Service[];
  suspended: Set<string>;
  /** Every open tick is in the plan, and nothing else is. */
  expectPlan(cycle: Cycle): void;
  /** What is open and not under way has a reason, and status says it. Whether something failed that is tried again soon. */
  expectUnderWay(status: Status): boolean;
  /** Of each, status knows the newest archive, and what is the matter with those that have all that they are owed. */
  expectStatus(status: Status): void;
}

export function openAccounts(lab: LabRun, server: Server, present: Service[]): Accounts {
  const { record } = server;

  /** Which of them status names is its own affair. Null: its upload is under way. */
  function reasonsFor(service: Service, tickMs: number): Reason[] | null {
    const { name, location, deadlineMs } = service;
    if (accounts.suspended.has(name)) return ['suspended'];
    const at = server.atWork.get(location)?.step;
    if (at?.op === 'borg-create')
      return tickOf(service, at.archive, record) === tickMs ? null : ['upload before it'];
    if (deadlineMs !== null && lab.now() - tickMs > deadlineMs) return ['missed'];
    if (lab.host.faults.observe?.docker !== undefined) return ['docker'];
    if (at !== undefined) return ['proof'];
    const isLocked = server.locks.get(repositoryLock(location))?.pid === 7;
    const failure = server.failures.get(name);
    const isRecent = failure !== undefined && sinceMs(failure) <= patienceMs[failure.what];
    const uploads = [...server.atWork.values()].filter(({ step: { op } }) => op === 'borg-create');
    return [
      ...(isLocked ? ['locked' as const] : []),
      ...(isRecent ? [failure.what] : []),
      ...(uploads.length === atOnce ? ['turn' as const] : []),
    ];
  }

  /** Since it failed, or since what it failed for is over. */
  function sinceMs({ atMs }: { atMs: number }): number {
    return lab.besides().clock.monotonic() - Math.max(atMs, server.troubleMs());
  }

  function open(): [Service, number][] {
    return accounts.present.flatMap((service): [Service, number][] => {
      const tickMs = openTick(service, record, lab.now());
      return typeof tickMs === 'number' ? [[service, tickMs]] : [];
    });
  }

  const accounts: Accounts = {
    reasons: new Map(),
    present,
    suspended: new Set(),
    expectPlan({ plan, atMs }) {
      if (plan === null) throw new Error('there is no plan');
      const planned = new Map<string, string>();
      const listed = new Set<string | null>();
      for (const { kind, service, steps } of plan.changes) {
        if (kind === 'borg-repository') listed.add(service);
        for (const step of steps) if (step.op === 'borg-create') planned.set(step.at, step.archive);
      }
      const told = new Map(
        [...plan.blocked, ...plan.reports]
          .filter(({ kind }) => kind === 'backup')
          .map(({ name, state, reasons }) => [name, `${state} ${reasons[0]?.note ?? ''}`]),
      );
      for (const service of accounts.present) {
        const { name } = service;
        if (!record.firstSeenMs.has(name)) record.firstSeenMs.set(name, atMs);
        const tickMs = openTick(service, record, atMs);
        const archive = planned.get(name);
        const fail = (what: string) => {
          throw new Error(`${instant(atMs)}: ${name} (${service.cron}) ${what}`);
        };
        if (accounts.suspended.has(name)) {
          if (archive !== undefined || told.get(name)?.startsWith('suspended ') !== true)
            fail(`is suspended; the plan: ${archive ?? told.get(name)}`);
        } else if (tickMs === null) {
          // Its repository says first whether an upload came to its end with the power.
          if (archive !== undefined && !listed.has(name))
            fail(`has no tick without an archive; the plan: ${archive}`);
        } else if (tickMs !== undefined) {
          const tick = instant(tickMs);
          if (archive === undefined && !told.has(name))
            fail(`has no archive of ${tick}; no word of it in the plan`);
          if (archive !== undefined && tickOf(service, archive, record) !== tickMs)
            fail(`has no archive of ${tick}; the plan: ${archive}`);
        }
      }
    },
    expectStatus(status) {
      const all = status(new Set(accounts.present.map(({ name }) => name)));
      for (const service of accounts.present) expectStatusOf(service, all.get(service.name));
    },
    expectUnderWay(status) {
      const fresh: [Service, number, Reason[]][] = [];
      let isWanted = false;
      for (const [service, tickMs] of open()) {
        const reasons = reasonsFor(service, tickMs);
        if (reasons === null) continue;
        if (reasons.includes('unreachable') || reasons.includes('full')) isWanted = true;
        const known = accounts.reasons.get(`${service.name} ${tickMs}`);
        if (known === undefined || !reasons.includes(known)) fresh.push([service, tickMs, reasons]);
      }
      if (fresh.length > 0) expectSaid(fresh, status(new Set(fresh.map(([{ name }]) => name))));
      return isWanted;
    },
  };

  function expectStatusOf(service: Service, status: BackupStatus | undefined): void {
    const nowMs = lab.now();
    const held = [...(record.made.get(service.name)?.values() ?? [])].filter(({ isDeleted }) => !isDeleted);
    const jitterMs = jitterOf(service, record) ?? 0;
    const times = held.map(({ tickMs }) => tickMs + jitterMs).filter((ms) => ms <= nowMs);
    const lastMs = times.length === 0 ? null : Math.max(...times);
    const isQuiet = openTick(service, record, nowMs) === null && !accounts.suspended.has(service.name);
    const quiet = service.cron === null ? 'by-hand' : 'done';
    const { name, at } = status?.lastArchive ?? { name: null, at: nowMs };
    // As old as its data, which is from later than its name says, and never from later than now.
    const isOld = lastMs === null || (at >= lastMs && at <= nowMs);
    const wanted = lastMs === null ? null : archiveName(service.name, lastMs);
    if (name !== wanted || !isOld || (isQuiet && status?.state !== quiet))
      throw new Error(`${instant(nowMs)}: status of ${service.name}: ${JSON.stringify(status)}`);
  }

  function expectSaid(fresh: [Service, number, Reason[]][], status: Map<string, BackupStatus>): void {
    for (const [{ name }, tickMs, reasons] of fresh) {
      const { state, why } = status.get(name) ?? { state: 'by-hand', why: null };
      const said = reasons.find((reason) => {
        const { states, why: wanted } = words[reason];
        return states.includes(state) && (wanted === null || wanted.test(why ?? ''));
      });
      if (said === undefined) {
        const reason = reasons.join(' or ') || 'nothing that is known here';
        throw new Error(
          `${instant(lab.now())}: ${name}'s archive of ${instant(tickMs)} is not under way; in the way is ${reason}; status says: ${state}, ${why}`,
        );
      }
      accounts.reasons.set(`${name} ${tickMs}`, said);
    }
  }

  return accounts;
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
