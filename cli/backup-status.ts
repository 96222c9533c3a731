import type { DesiredBackup } from '../desired-state/types.ts';
import type { BackupMetric } from '../metrics/types.ts';
import { unprunedNote } from '../reconciler/backup/held-back.ts';
import { keyProblem, keyState } from '../reconciler/backup/key-state.ts';
import { newestFirst } from '../reconciler/backup/newest.ts';
import { pruneHeld } from '../reconciler/backup/prune.ts';
import { uncoveredText } from '../reconciler/backup/uncovered.ts';
import { archivesOf } from '../reconciler/kinds/backup.ts';
import { damageOf, pruneHold } from '../reconciler/proof/damage.ts';
import type { Backups } from '../reconciler/state/backups.ts';
import type { Declared } from '../reconciler/state/declared.ts';
import { type ProofKind, proofKey } from '../reconciler/state/proofs.ts';
import type { BackupRun } from '../reconciler/state/runs.ts';
import { type Known, matterOf } from './backup-matter.ts';
import type { BackupStatus } from './render/types.ts';
import { runningOf } from './running.ts';

/** What status and metrics tell of backups, from what is recorded. Pure; nothing is asked. */

export interface Recorded extends Known {
  /** Service -> its last good run. */
  lastRuns: ReadonlyMap<string, BackupRun>;
}

export function backupStatus(desired: Declared, known: Recorded): BackupStatus[] {
  const backups = desired.resources.filter((each) => each.kind === 'backup');
  return backups.map((backup) => {
    const suspend = backup.suspend || desired.suspended.includes(backup.service);
    const status = statusOf({ ...backup, suspend }, known, desired.backupsAtOnce);
    return { ...status, ...awaited(backup, desired, known, status) };
  });
}

/** A service that is new is not without a check for as long as there are computers. */
function awaited(
  { service, repositoryId, drill }: DesiredBackup,
  { resources }: Declared,
  { backups }: Recorded,
  { lastCheck, lastDrill }: Proven,
): Pick<BackupStatus, 'checkCountsFrom' | 'drillCountsFrom'> {
  const repository = resources.find(({ id }) => id === repositoryId);
  const isChecked =
    repository?.kind === 'borg-repository' && (repository.check !== null || repository.verifyData !== null);
  const seen = backups.services.get(service)?.firstSeenMs ?? null;
  return {
    checkCountsFrom: isChecked ? (lastCheck?.at ?? seen) : null,
    drillCountsFrom: drill === null ? null : (lastDrill?.at ?? seen),
  };
}

type Proven = Pick<BackupStatus, 'lastCheck' | 'damage' | 'lastDrill' | 'proofError'>;

function statusOf(
  desired: DesiredBackup,
  known: Recorded,
  atOnce: number,
): Omit<BackupStatus, 'checkCountsFrom' | 'drillCountsFrom'> {
  const { backups, lastRuns, nowMs } = known;
  const { service } = desired;
  const record = backups.services.get(service);
  const run = lastRuns.get(service);
  return {
    service,
    ...matterOf(desired, known, atOnce),
    running: runningOf(service, backups),
    lastArchive: lastArchive(desired, backups, nowMs),
    failures: record?.attempts ?? 0,
    lastError: record?.lastError ?? null,
    lastRun:
      run === undefined
        ? null
        : {
            durationMs: run.durationMs,
            downtimeMs: run.downtimeMs,
            deduplicatedBytes: run.facts?.deduplicatedBytes ?? null,
          },
    ...proofs(desired, backups),
    ...pruneOf(desired, backups, run),
    ...keyOf(desired, backups),
    uncovered: desired.suspend
      ? []
      : (backups.uncovered.get(service) ?? []).map((place) => uncoveredText(place, desired)),
  };
}

/** What is known of the last archive holds until the next: a collapse stays one although the day after looks like it. */
function pruneOf(
  desired: DesiredBackup,
  backups: Backups,
  run: BackupRun | undefined,
): Pick<BackupStatus, 'pruneHeld' | 'pruneInDoubt'> {
  const { service, repository } = desired;
  const doubt = pruneHold(backups, service, repository.location) ?? unprunedNote(run?.notes ?? []);
  return { pruneHeld: doubt ?? pruneHeld(desired, backups), pruneInDoubt: doubt !== null };
}

function keyOf(
  { repository }: DesiredBackup,
  backups: Backups,
): Pick<BackupStatus, 'keyExportedAt' | 'keyProblem'> {
  const known = keyState(repository.location, backups);
  const problem = keyProblem(known);
  if (problem !== null) return { keyExportedAt: 0, keyProblem: problem };
  return { keyExportedAt: known.state === 'exported' ? known.record.exportedMs : null, keyProblem: null };
}

/** Of our own naming. Its data is from later than its name says, unless a clock was ahead then. */
function lastArchive(desired: DesiredBackup, backups: Backups, nowMs: number): BackupStatus['lastArchive'] {
  const all = archivesOf(desired, { inventory: { backups } });
  const [newest] = newestFirst(desired.service, all, nowMs);
  if (newest === undefined || newest.atMs > nowMs) return null;
  const { name, atMs, files, originalBytes: bytes } = newest.archive;
  return { name, at: atMs <= nowMs ? atMs : newest.atMs, files, bytes };
}

function proofs({ service, repository: { location } }: DesiredBackup, backups: Backups): Proven {
  const found = (kind: ProofKind, subject = location) => backups.proofs.get(proofKey(kind, subject)) ?? [];
  const checks = [found('partial'), found('full'), found('verify-data')].flat();
  const [lastCheck = null] = checks
    .flatMap(({ atMs, result }) => (atMs === null ? [] : [{ at: atMs, ok: result === 'good' }]))
    .sort((a, b) => b.at - a.at);
  const [drill] = [found('drill', service)].flat();
  const restored = drill?.goodArchive ?? null;
  // What was proven of a repository that is not there any more says nothing of the one that is.
  const isListed = backups.archives.get(location)?.some(({ name }) => name === restored) === true;
  const proven = isListed ? (drill?.goodMs ?? null) : null;
  const differs = drill?.result === 'bad' ? drill.message : null;
  return {
    lastCheck,
    damage: damageOf(backups, location)?.message ?? differs,
    lastDrill: proven === null ? null : { at: proven, archive: restored ?? '' },
    proofError: [drill, ...checks].find((each) => (each?.lastError ?? null) !== null)?.lastError ?? null,
  };
}

export function metricOfBackup(status: BackupStatus): BackupMetric {
  const { service, lastArchive: last, lastRun: run, overdueSince, running, damage, failures } = status;
  return {
    service,
    lastArchiveAt: last?.at ?? null,
    files: last?.files ?? null,
    bytes: last?.bytes ?? null,
    deduplicatedBytes: run?.deduplicatedBytes ?? null,
    durationMs: run?.durationMs ?? null,
    downtimeMs: run?.downtimeMs ?? null,
    lastProvenRestoreAt: status.drillCountsFrom,
    lastCheckAt: status.checkCountsFrom,
    keyExportedAt: status.keyExportedAt,
    damaged: damage !== null,
    uncovered: status.uncovered.length,
    pruneHeld: status.pruneInDoubt,
    overdue: overdueSince !== null,
    running: running !== null,
    failures,
  };
}
