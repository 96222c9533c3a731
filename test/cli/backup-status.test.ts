import { expect, it } from 'vitest';
import { backupStatus, metricOfBackup } from '../../cli/backup-status.ts';
import { emptyBackups, newBackupRecord } from '../../reconciler/state/backups.ts';
import { noProof, type ProofRecord, proofKey } from '../../reconciler/state/proofs.ts';
import * as build from '../support/build.ts';

const tickMs = Date.parse('2026-11-23T02:30:00Z');
const location = '/backup/datapool_services_photo';
const desired = build.desired([build.stack(), build.repository(), build.backup()]);

function known(nowMs: number, proofs: ProofRecord[] = []) {
  const backups = emptyBackups();
  backups.services.set('photo', newBackupRecord('photo', 0));
  const own = { id: 'a', clean: true, files: 12, originalBytes: 3400 };
  const archive = { ...own, name: 'photo-2026-11-23T02:30:00Z', atMs: tickMs };
  backups.archives.set(location, [{ ...archive, name: 'by-hand', atMs: tickMs + 1 }, archive]);
  for (const proof of proofs) backups.proofs.set(proofKey(proof.kind, proof.subject), proof);
  return { backups, lastRuns: new Map(), nowMs };
}

it('tells the newest archive of our own, and when the next is due', () => {
  expect(backupStatus(desired, known(tickMs + 60_000))).toMatchObject([
    {
      service: 'photo',
      nextAt: tickMs + 86_400_000,
      overdueSince: null,
      lastArchive: { name: 'photo-2026-11-23T02:30:00Z', files: 12 },
      lastCheck: null,
      lastDrill: null,
    },
  ]);
});

it('tells since when an archive is due, but not of a service that is suspended', () => {
  const late = known(tickMs + 90_000_000);
  const [status] = backupStatus(desired, late);
  expect(status).toMatchObject({ nextAt: null, overdueSince: tickMs + 86_400_000 });
  expect(status && metricOfBackup(status)).toMatchObject({
    overdue: true,
    lastArchiveAt: tickMs,
    damaged: false,
  });
  const [suspended] = backupStatus({ ...desired, suspended: ['photo'] }, late);
  expect(suspended).toMatchObject({ suspended: true, overdueSince: null });
});

it('tells the last check, what is damaged, and the last restore that was right', () => {
  const bad = {
    atMs: 7,
    result: 'bad' as const,
    message: 'top is missing',
    goodMs: 5,
    goodArchive: 'photo-x',
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
      lastDrill: { at: 5, archive: 'photo-x' },
      proofError: 'the connection broke',
    },
  ]);
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
