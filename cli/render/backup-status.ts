import type { StatusOptions } from './status.ts';
import { type Look, pad, paint, safe, truncate, widest } from './text.ts';
import { relative } from './time.ts';
import type { BackupStatus } from './types.ts';

/** Backups below the services: how old the newest archive is, when the next is due, when one was last proven. */
export function backupLines(backups: BackupStatus[], options: StatusOptions): string[] {
  const rows = backups.map((backup) => columns(backup, options.now));
  const widths = [0, 1, 2, 3, 4].map((at) => widest(rows.map((row) => row[at] ?? '')));
  return backups.flatMap((backup, index) => {
    const row = (rows[index] ?? []).map((text, at) => pad(text, widths[at] ?? 0));
    return [truncate(row.join('  ').trimEnd(), options.width), ...troubles(backup, options)];
  });
}

function columns(backup: BackupStatus, now: number): string[] {
  const { service, lastArchive, lastCheck, lastDrill } = backup;
  const age = (at: number | undefined) => (at === undefined ? 'never' : relative(at, now));
  return [
    safe(service),
    `archive ${age(lastArchive?.at)}`,
    due(backup, now),
    `checked ${age(lastCheck?.at)}`,
    `restored for proof ${age(lastDrill?.at)}`,
  ];
}

function due({ suspended, overdueSince, nextAt }: BackupStatus, now: number): string {
  if (suspended) return 'suspended';
  if (overdueSince !== null) return `due since ${relative(overdueSince, now).replace(/ ago$/, '')}`;
  return nextAt === null ? 'by hand only' : `next ${relative(nextAt, now)}`;
}

function troubles({ lastError, damage, proofError, failures }: BackupStatus, look: Look): string[] {
  const again = failures > 1 ? ` (${failures} times in a row)` : '';
  const texts = [lastError === null ? null : `${lastError}${again}`, damage, proofError];
  return texts.flatMap((text) => (text === null ? [] : [`    ${paint(look, 'red', safe(text))}`]));
}
