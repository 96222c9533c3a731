import { describe, expect, it } from 'vitest';
import { backupStatus } from '../../../cli/backup-status.ts';
import { type BackupRecord, readBackups } from '../../../reconciler/state/backups.ts';
import { begin, drilled, lab, modes, ops, photo, settle } from '../proof/proof-lab.ts';

type Over = Parameters<typeof photo>[0];

const nightly = { cron: '30 2 * * *', timezone: 'UTC' };
const later = { cron: '30 3 * * *', timezone: 'UTC' };
const archives = () => [...lab.host.state.archives.values()].map(({ name }) => name).sort();
const at = (time: string) => lab.turnClock(Date.parse(time) - lab.now());
const fail = { when: { op: 'borg-create' as const }, how: 'fail' as const, after: 'nothing' as const };

/** The first night's archive is made; then it is noon. */
async function untilNoon(over: Over = {}): Promise<void> {
  await begin(photo({ schedule: nightly, ...over }, false));
  at('2023-11-15T02:31:00Z');
  await settle();
  at('2023-11-15T12:00:00Z');
  await settle();
}

async function push(over: Over): Promise<void> {
  lab.push(photo({ schedule: nightly, ...over }, false));
  await settle();
}

const status = (over: Over) =>
  backupStatus(photo({ schedule: nightly, ...over }, false), {
    ...{ backups: readBackups(lab.store()), lastRuns: new Map(), nowMs: lab.now() },
  })[0];

describe('a schedule that is changed at noon, after its archive was made,', () => {
  it.each<[string, Over, string]>([
    ['to a later hour', { schedule: later }, '2023-11-16T03:30:00Z'],
    [
      'to an hour of this morning, in another zone',
      { schedule: { ...nightly, timezone: 'America/New_York' } },
      '2023-11-16T07:30:00Z',
    ],
    ['to have jitter', { jitterSeconds: 1800 }, '2023-11-16T02:'],
    ['to come every hour', { schedule: { cron: '0 * * * *', timezone: 'UTC' } }, '2023-11-15T13:00:00Z'],
  ])('%s, makes no archive before its next tick', async (_what, over, next) => {
    await untilNoon();
    const before = ops().length;
    await push(over);
    expect(ops(before)).not.toContain('containers-stop');
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
    expect(status(over)).toMatchObject({ state: 'done', overdueSince: null });
    const nextAt = new Date(status(over)?.nextAt ?? 0).toISOString().replace('.000', '');
    expect(nextAt).toContain(next);
    at(nextAt);
    await settle();
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z', `photo-${nextAt}`]);
  });

  it('is told so before it is applied', async () => {
    await untilNoon();
    lab.push(photo({ schedule: later }, false));
    const { plan } = await lab.cycle({ dry: true });
    expect(plan?.changes).toEqual([]);
    expect(status({ schedule: later })).toMatchObject({ state: 'done', overdueSince: null });
  });

  it('and back again, makes none either', async () => {
    await untilNoon();
    await push({ schedule: later });
    lab.later(3_600_000);
    await push({});
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
  });

  it('keeps what its drill owes', async () => {
    await begin(photo({ schedule: nightly, ...drilled }, false));
    at('2023-11-15T02:31:00Z');
    await settle();
    // On Sunday at six, and nobody was there.
    at('2023-11-19T06:00:00Z');
    await push({ ...drilled, schedule: later });
    await settle();
    at('2023-11-19T06:10:00Z');
    await settle();
    expect(ops()).toContain('borg-compare');
    expect(modes()).toEqual([]);
  });
});

describe('what is owed when a schedule is changed', () => {
  it('stays owed', async () => {
    await untilNoon();
    lab.host.faults = { steps: [{ ...fail, times: 9 }] };
    at('2023-11-16T02:31:00Z');
    await settle();
    at('2023-11-16T12:00:00Z');
    lab.push(photo({ schedule: later }, false));
    await settle();
    lab.host.faults = {};
    lab.later(3_600_000);
    await settle();
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z', 'photo-2023-11-16T03:30:00Z']);
  });

  it('is not made twice where it is under way', async () => {
    await untilNoon();
    at('2023-11-16T02:31:00Z');
    const cycle = await lab.cycle();
    // In the middle of the upload the commit comes.
    const holdCycles = async () => {
      lab.push(photo({ schedule: later }, false));
      lab.later(4 * 3_600_000);
      const meanwhile = await lab.cycle();
      expect(meanwhile.plan?.changes).toEqual([]);
      return { release() {} };
    };
    await lab.beside(cycle, { holdCycles });
    expect(archives()).toHaveLength(2);
    await settle();
    expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z', 'photo-2023-11-16T02:30:00Z']);
    at('2023-11-17T03:31:00Z');
    await settle();
    expect(archives()).toContain('photo-2023-11-17T03:30:00Z');
  });
});

it('the state of an older Steward says nothing of schedules yet, and that one can still write its backups', async () => {
  await untilNoon();
  lab.store().db.exec("DELETE FROM schedules WHERE service = 'photo'");
  const { service, firstSeenMs } = readBackups(lab.store()).services.get('photo') as BackupRecord;
  // Whole rows, as before there were any schedules.
  const row = [service, firstSeenMs, 0, null, null, null, null, 0, null] as const;
  lab
    .store()
    .db.prepare('INSERT OR REPLACE INTO backups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(...row);
  expect(status({})).toMatchObject({ state: 'done' });
  await settle();
  await push({ schedule: later });
  expect(archives()).toEqual(['photo-2023-11-15T02:30:00Z']);
});
