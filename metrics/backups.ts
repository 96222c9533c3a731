import { Gauge, type Registry } from 'prom-client';
import type { BackupMetric } from './types.ts';

/** Backups of each service, out of memory. A service is a label: there are as many as Git declares, and no more. */

type Field = Exclude<keyof BackupMetric, 'service'>;
export type BackupGauges = Record<Field, Gauge<'service'>>;

const gauges: Record<Field, [name: string, help: string]> = {
  lastArchiveAt: ['last_archive_timestamp_seconds', 'When the data of the newest archive is from.'],
  files: ['last_archive_files', 'Files in the newest archive.'],
  bytes: ['last_archive_bytes', 'Size of the data in the newest archive.'],
  deduplicatedBytes: ['last_run_deduplicated_bytes', 'What the last good run added to the repository.'],
  durationMs: ['last_run_duration_seconds', 'How long the last good run took.'],
  downtimeMs: ['last_run_downtime_seconds', 'How long it kept containers stopped.'],
  lastProvenRestoreAt: [
    'last_proven_restore_timestamp_seconds',
    'When an archive was last restored and was what had been archived; 0 never.',
  ],
  lastCheckAt: ['last_check_timestamp_seconds', 'When borg check last came to an end; 0 never.'],
  keyExportedAt: [
    'key_exported_timestamp_seconds',
    'When the key of the repository was last exported and proven; 0 never.',
  ],
  damaged: ['damaged', 'Whether damage is known, of the repository or by a restore: 1 or 0.'],
  overdue: ['overdue', 'Whether an archive is due that was not made: 1 or 0.'],
  failures: ['failures_in_a_row', 'Failed tries since the last archive.'],
};

export function backupGauges(registry: Registry): BackupGauges {
  const made = Object.entries(gauges).map(([field, [name, help]]) => [
    field,
    new Gauge({ name: `steward_backup_${name}`, help, labelNames: ['service'], registers: [registry] }),
  ]);
  return Object.fromEntries(made) as BackupGauges;
}

/** Services that are gone go away; what is not known is absent rather than nothing. */
export function recordBackups(all: BackupGauges, backups: BackupMetric[]): void {
  for (const gauge of Object.values(all)) gauge.reset();
  for (const { service, ...values } of backups)
    for (const [field, value] of Object.entries(values))
      if (value !== null) all[field as Field].set({ service }, inSeconds(field, value));
}

/** Times are kept in milliseconds, and told in seconds. */
function inSeconds(field: string, value: number | boolean): number {
  return /At$|Ms$/.test(field) ? Number(value) / 1000 : Number(value);
}
