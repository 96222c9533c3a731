import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backupStatus, metricOfBackup, type Recorded } from '../../cli/backup-status.ts';
import type { BackupStatus } from '../../cli/render/types.ts';
import { emptyBackups, newBackupRecord } from '../../reconciler/state/backups.ts';
import { readDeclared, writeDeclared } from '../../reconciler/state/declared.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import { noProof, type ProofRecord, proofKey } from '../../reconciler/state/proofs.ts';
import { openStore } from '../../reconciler/state/store.ts';
import type { Notice } from '../../reconciler/types.ts';
import * as build from '../support/build.ts';

const dayMs = 86_400_000;
const tickMs = Date.parse('2026-11-23T02:30:00Z');
const location = '/backup/datapool_services_photo';
const desired = build.desired([build.stack(), build.repository(), build.backup()]);

function known(nowMs: number, proofs: ProofRecord[] = []) {
  const backups = emptyBackups();
  backups.services.set('photo', newBackupRecord('photo', 0));
  const own = { id: 'a', byHand: null, clean: true, files: 12, originalBytes: 3400 };
  const archive = { ...own, name: 'photo-2026-11-23T02:30:00Z', atMs: tickMs };
  backups.archives.set(location, [{ ...archive, name: 'by-hand', atMs: tickMs + 1 }, archive]);
  for (const proof of proofs) backups.proofs.set(proofKey(proof.kind, proof.subject), proof);
  return { backups, lastRuns: new Map(), nowMs };
}

function notice(id: Notice['id'], note: string): Notice {
  const [kind, name] = [id.slice(0, id.indexOf(':')) as Notice['kind'], id.slice(id.indexOf(':') + 1)];
  const reasons = [{ field: 'state', from: null, to: null, note }];
  return { verb: 'blocked', kind, id, name, service: 'photo', state: 'waiting', reasons };
}

it('tells the newest archive of our own, and when the next is due', () => {
  expect(backupStatus(desired, known(tickMs + 60_000))).toMatchObject([
    {
      service: 'photo',
      state: 'done',
      nextAt: tickMs + dayMs,
      overdueSince: null,
      lastArchive: { name: 'photo-2026-11-23T02:30:00Z', files: 12 },
      lastCheck: null,
      lastDrill: null,
    },
  ]);
});

it.each([
  ['when its data is from, where it was made late', 14 * 3_600_000],
  ['what its name says, where the clock was ahead then', -30_000],
])('the newest archive is as old as %s', (_name, lateMs) => {
  const isAhead = lateMs < 0;
  const atMs = isAhead ? tickMs + 90_000 : tickMs + lateMs;
  const late = known(isAhead ? tickMs + 60_000 : atMs + 6_000);
  const [, own] = late.backups.archives.get(location) ?? [];
  if (own !== undefined) late.backups.archives.set(location, [{ ...own, atMs }]);
  const [status] = backupStatus(desired, late);
  expect(status?.lastArchive?.at).toBe(isAhead ? tickMs : atMs);
  expect(status && metricOfBackup(status).lastArchiveAt).toBe(isAhead ? tickMs : atMs);
});

it('tells since when an archive is due, but not of a service that is suspended', () => {
  const late = known(tickMs + 90_000_000);
  const [status] = backupStatus(desired, late);
  const since = tickMs + dayMs;
  expect(status).toMatchObject({
    ...{ state: 'due', since, why: null, overdueSince: since, nextAt: since + dayMs },
  });
  expect(status && metricOfBackup(status)).toMatchObject({
    overdue: true,
    lastArchiveAt: tickMs,
    damaged: false,
    running: false,
  });
  const [suspended] = backupStatus({ ...desired, suspended: ['photo'] }, late);
  expect(suspended).toMatchObject({ state: 'suspended', overdueSince: null, nextAt: null });
});

describe('while an archive is due, it tells', () => {
  const dueMs = tickMs + dayMs;
  const nowMs = dueMs + 60_000;
  const one = (over: Partial<Recorded>, state = desired) =>
    backupStatus(state, { ...known(nowMs), ...over })[0];

  function underWay(service: string) {
    const { backups } = known(nowMs);
    const lock = repositoryLock(`/backup/datapool_services_${service}`);
    const running = { runningSinceMs: dueMs + 1, runningLock: lock };
    backups.services.set(service, { ...newBackupRecord(service, 0), ...running });
    return backups;
  }

  it('that it is under way, since when, and what it is at', () => {
    const backups = underWay('photo');
    const progress = { step: 'borg-create', files: 1204, bytes: 3_400_000_000, totalBytes: null } as const;
    backups.progress.set('photo', { service: 'photo', ...progress });
    const status = one({ backups });
    expect(status).toMatchObject({
      ...{ state: 'running', since: dueMs + 1, why: null },
      running: { what: 'archive', since: dueMs + 1, ...progress },
    });
    expect(status && metricOfBackup(status)).toMatchObject({ running: true });
  });

  it('that it waits for its turn', () => {
    const backups = underWay('git');
    const why = 'waits for its turn: git is at work, and backup.concurrency is 1';
    expect(one({ backups })).toMatchObject({ state: 'waiting', since: dueMs, why });
    expect(one({ backups }, { ...desired, backupsAtOnce: 2 })).toMatchObject({ state: 'due', why: null });
  });

  it('that it waits for a check of its repository, which is under way', () => {
    const { backups } = known(nowMs);
    const proof = { service: 'photo', what: 'verify-data' as const, sinceMs: tickMs };
    backups.runningProofs.push({ lockName: repositoryLock(location), ...proof });
    expect(one({ backups })).toMatchObject({
      state: 'waiting',
      why: 'waits for the check of all data of its repository, under way since 2026-11-23T02:30:00Z',
      running: { what: 'verify-data', since: tickMs, step: null },
    });
  });

  it('that it waits for somebody else who uses the repository', () => {
    const lockedBy = (at: string) => (at === location ? 'steward browse (pid 7)' : null);
    expect(one({ lockedBy })).toMatchObject({
      state: 'waiting',
      why: 'steward browse (pid 7) is at work on its repository',
    });
  });

  it.each([
    ['what hinders it', [notice('backup:photo', 'datapool/services/photo is not mounted')]],
    [
      'what hinders its repository',
      [
        notice('backup:photo', 'waits for borg-repository:datapool/services/photo'),
        notice('borg-repository:datapool/services/photo', 'datapool/services/photo is not mounted'),
      ],
    ],
  ])('%s', (_name, blocked) => {
    const status = one({ plan: { blocked, held: null } });
    expect(status).toMatchObject({ state: 'blocked', why: 'datapool/services/photo is not mounted' });
  });

  it('that the whole commit is held', () => {
    const held = { field: 'limits.removals', from: null, to: null, note: 'removes 8 of 9' };
    expect(one({ plan: { blocked: [], held } })).toMatchObject({
      state: 'blocked',
      why: 'held: removes 8 of 9',
    });
  });

  it('when the next attempt comes, where attempts have failed', () => {
    const { backups } = known(nowMs);
    const failed = { attempts: 3, stops: 3, lastError: 'disk full', lastAttemptMs: nowMs, lastStopMs: nowMs };
    backups.services.set('photo', { ...newBackupRecord('photo', 0), ...failed });
    expect(one({ backups })).toMatchObject({
      state: 'blocked',
      why: expect.stringContaining('the next one is made at 2026-11-25T02:30:00Z'),
    });
  });
});

it('tells a tick that was missed, why, and when the next one comes', () => {
  const backup = build.backup('photo', { startingDeadlineSeconds: 3600 });
  const [status] = backupStatus(build.desired([build.stack(), backup]), known(tickMs + dayMs + 7_200_000));
  expect(status).toMatchObject({
    ...{ state: 'missed', since: tickMs + dayMs, overdueSince: tickMs + dayMs, nextAt: tickMs + 2 * dayMs },
    why: 'the archive of 2026-11-24T02:30:00Z was not made within startingDeadline; the next tick makes one',
  });
});

it('tells of one that is made by hand only', () => {
  const backup = build.backup('photo', { schedule: null });
  expect(backupStatus(build.desired([build.stack(), backup]), known(tickMs))).toMatchObject([
    { state: 'by-hand', nextAt: null, since: null },
  ]);
});

it('tells the last check, what is damaged, and the last restore that was right', () => {
  const bad = {
    atMs: 7,
    result: 'bad' as const,
    message: 'top is missing',
    goodMs: 5,
    goodArchive: 'photo-2026-11-23T02:30:00Z',
  };
  const proofs = [
    { ...noProof('partial', location), atMs: 3, result: 'good' as const, goodMs: 3 },
    { ...noProof('verify-data', location), lastError: 'the connection broke' },
    { ...noProof('drill', 'photo'), ...bad },
  ];
  expect(backupStatus(desired, known(tickMs, proofs))).toMatchObject([
    {
      lastCheck: { at: 3, ok: true },
      damage: 'top is missing',
      lastDrill: { at: 5, archive: 'photo-2026-11-23T02:30:00Z' },
      proofError: 'the connection broke',
    },
  ]);
});

it('an archive that is gone with its repository is no longer proof of anything', () => {
  const good = { atMs: 5, result: 'good' as const, goodMs: 5, goodArchive: 'photo-x' };
  const drill = { cron: '0 6 * * 0', timezone: 'UTC', start: false };
  const drilled = build.desired([build.backup('photo', { drill })]);
  const [status] = backupStatus(drilled, known(tickMs, [{ ...noProof('drill', 'photo'), ...good }]));
  expect(status?.lastDrill).toBeNull();
  expect(status && metricOfBackup(status)).toMatchObject({ lastProvenRestoreAt: 0 });
});

describe('what the age of a check or a restore counts from', () => {
  const weekly = { cron: '0 6 * * 0', timezone: 'UTC' };
  const seenMs = tickMs - 3 * dayMs;
  const counted = (state: typeof desired, proofs: ProofRecord[] = []) => {
    const recorded = known(tickMs + 60_000, proofs);
    recorded.backups.services.set('photo', newBackupRecord('photo', seenMs));
    const [status] = backupStatus(state, recorded);
    const { lastCheckAt, lastProvenRestoreAt } = metricOfBackup(status as BackupStatus);
    return [lastCheckAt, lastProvenRestoreAt];
  };
  const good = (kind: 'full' | 'drill', subject: string) =>
    ({
      ...noProof(kind, subject),
      atMs: tickMs,
      result: 'good',
      goodMs: tickMs,
      goodArchive: 'photo-2026-11-23T02:30:00Z',
    }) as const;
  const both = [good('full', location), good('drill', 'photo')];
  const declared = build.desired([
    build.repository('photo', { check: { ...weekly, maxSeconds: 0 } }),
    build.backup('photo', { drill: { ...weekly, start: false } }),
  ]);

  it('is nothing where none is declared, though one was made by hand', () => {
    expect(counted(desired)).toEqual([null, null]);
    expect(counted(desired, both)).toEqual([null, null]);
  });

  it('is the last one, and before the first since when the service is backed up', () => {
    expect(counted(declared)).toEqual([seenMs, seenMs]);
    expect(counted(declared, both)).toEqual([tickMs, tickMs]);
  });

  it('is known of what was last declared as well', () => {
    const { stateDir, store } = aStore();
    try {
      writeDeclared(store, declared);
      expect(counted({ ...declared, ...readDeclared(store) })).toEqual([seenMs, seenMs]);
    } finally {
      store.close();
      rmSync(stateDir, { recursive: true });
    }
  });
});

function aStore() {
  const stateDir = mkdtempSync(join(tmpdir(), 'steward-status-'));
  return { stateDir, store: openStore(stateDir) };
}

it('tells that nothing was pruned after the last archive, for as long as it is the last', () => {
  const note = 'nothing was pruned: photo-x has 12 files, fewer than the 60 that backup.collapse asks for';
  const recorded = (notes: string[]) => {
    const run = { service: 'photo', what: 'archive', atMs: tickMs, result: 'done', error: null } as const;
    const own = { ...run, durationMs: 1, downtimeMs: 1, archive: 'photo-x', facts: null, notes };
    return { ...known(tickMs), lastRuns: new Map([['photo', own]]) };
  };
  const [held] = backupStatus(desired, recorded(['the hook took long', note]));
  expect(held).toMatchObject({ pruneHeld: note });
  expect(metricOfBackup(held as BackupStatus).pruneHeld).toBe(true);
  const [free] = backupStatus(desired, recorded(['the hook took long']));
  expect(free).toMatchObject({ pruneHeld: null });
  expect(metricOfBackup(free as BackupStatus).pruneHeld).toBe(false);
});

it('an append-only repository is no doubt, though nothing is pruned', () => {
  const repository = { ...build.repositoryRef, appendOnly: true };
  const only = build.desired([build.backup('photo', { repository, retention: { daily: 7 } })]);
  const [status] = backupStatus(only, known(tickMs));
  expect(metricOfBackup(status as BackupStatus).pruneHeld).toBe(false);
});

it.each([
  ['its repository is append-only', true, { daily: 7 }, `nothing is pruned: ${location} is append-only`],
  ['nothing was to be pruned anyhow', true, null, null],
  ['it may be', false, { daily: 7 }, null],
])('tells whether anything is pruned: %s', (_why, appendOnly, retention, pruneHeld) => {
  const repository = { ...build.repositoryRef, appendOnly };
  const only = build.desired([build.stack(), build.backup('photo', { repository, retention })]);
  expect(backupStatus(only, known(tickMs))).toMatchObject([{ pruneHeld, damage: null }]);
});
