import type { Registry } from 'prom-client';
import { type Family, type FamilyTable, familyOf, recordFamily } from './families.ts';
import type { BackupMetric } from './types.ts';

/** Backups of each service, out of memory. A service is a label: there are as many as Git declares, and no more. */

type Field = Exclude<keyof BackupMetric, 'service'>;
export type BackupGauges = Family<Field, 'service'>;

const gauges: FamilyTable<Field> = {
  lastArchiveAt: ['backup_last_archive_timestamp_seconds', 'When the data of the newest archive is from.'],
  files: ['backup_last_archive_files', 'Files in the newest archive.'],
  bytes: ['backup_last_archive_bytes', 'Size of the data in the newest archive.'],
  deduplicatedBytes: [
    'backup_last_run_deduplicated_bytes',
    'What the last good run added to the repository.',
  ],
  durationMs: ['backup_last_run_duration_seconds', 'How long the last good run took.'],
  downtimeMs: ['backup_last_run_downtime_seconds', 'How long it kept containers stopped.'],
  lastProvenRestoreAt: [
    'backup_last_proven_restore_timestamp_seconds',
    'When an archive was last restored and was what had been archived; before the first, since when it is awaited.',
  ],
  lastCheckAt: [
    'backup_last_check_timestamp_seconds',
    'When borg check last came to an end; before the first, since when it is awaited.',
  ],
  keyExportedAt: [
    'backup_key_exported_timestamp_seconds',
    'When the key of the repository was last exported and proven; 0 never.',
  ],
  damaged: ['backup_damaged', 'Whether damage is known, of the repository or by a restore: 1 or 0.'],
  uncovered: ['backup_uncovered_mounts', 'What is mounted inside the data and in no archive of it.'],
  pruneHeld: ['backup_prune_held', 'Whether nothing is pruned for doubt in what was archived: 1 or 0.'],
  overdue: ['backup_overdue', 'Whether an archive is due that was not made: 1 or 0.'],
  running: ['backup_running', 'Whether a backup, a check or a drill is under way: 1 or 0.'],
  failures: ['backup_failures_in_a_row', 'Failed tries since the last archive.'],
};

export function backupGauges(registry: Registry): BackupGauges {
  return familyOf(registry, gauges, ['service']);
}

export function recordBackups(all: BackupGauges, backups: BackupMetric[]): void {
  recordFamily(
    all,
    backups.map(({ service, ...values }) => ({ labels: { service }, values })),
  );
}
