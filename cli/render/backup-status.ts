import type { StatusOptions } from './status.ts';
import { type Look, pad, paint, safe, truncate, widest } from './text.ts';
import { relative } from './time.ts';
import type { BackupStatus } from './types.ts';

/** Backups below the services: how old the newest archive is, when the next is due, when one was last proven. */
export function backupLines(backups: BackupStatus[], options: StatusOptions): string[] {
  const rows = backups.map((backup) => columns(backup, options.now));
  const widths = [0, 1, 2, 3, 4].map((at) => widest(rows.map((row) => row[at] ?? '')));
  const lines = backups.flatMap((backup, index) => {
    const row = (rows[index] ?? []).map((text, at) => pad(text, widths[at] ?? 0));
    const line = truncate(row.join('  ').trimEnd(), options.width);
    return [line, ...troubles(backup, options), ...unpruned(backup, options)];
  });
  return [...lines, ...keyLines(backups, options)];
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
  // What is shown is of the last cycle: a tick may have come since.
  if (nextAt !== null) return nextAt <= now ? 'due now' : `next ${relative(nextAt, now)}`;
  return 'by hand only';
}

function troubles(backup: BackupStatus, look: Look): string[] {
  const { lastError, damage, proofError, failures } = backup;
  const again = failures > 1 ? ` (${failures} times in a row)` : '';
  const texts = [lastError === null ? null : `${lastError}${again}`, damage, proofError];
  return texts.flatMap((text) => (text === null ? [] : [`    ${paint(look, 'red', safe(text))}`]));
}

/** Damage says by itself that nothing is pruned. */
function unpruned({ damage, pruneHeld = null }: BackupStatus, look: Look): string[] {
  if (pruneHeld === null || damage !== null) return [];
  return [`    ${paint(look, 'yellow', safe(pruneHeld))}`];
}

/** Said once for all: as long as nobody has exported any, it is the same for each. */
function keyLines(backups: BackupStatus[], look: Look): string[] {
  const problems = Map.groupBy(backups, ({ keyProblem = null }) => keyProblem);
  return [...problems].flatMap(([problem, those]) => {
    if (problem === null) return [];
    const names = those.map(({ service }) => safe(service)).join(', ');
    return ['', `${paint(look, 'yellow', '!')} ${names}: ${safe(problem)}`];
  });
}
