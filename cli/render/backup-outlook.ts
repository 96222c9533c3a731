import { backupRows, isOverdue } from './backup-status.ts';
import { type StatusOptions, safe } from './text.ts';
import { relative } from './time.ts';
import type { BackupState, BackupStatus } from './types.ts';

/**
 * Below a plan, which has lines only for what is to be done: one sentence of all backups, or all of them for those who
 * ask.
 */
export function outlookLines(
  backups: BackupStatus[],
  options: StatusOptions & { verbose: boolean },
): string[] {
  if (backups.length === 0) return [];
  return options.verbose ? backupRows(backups, options) : [sentence(backups, options.now)];
}

/** `backups: 1 overdue (photo), 14 up to date; the oldest archive is wiki's, 1 day ago; next: git in 2 h` */
function sentence(backups: BackupStatus[], now: number): string {
  const groups = Map.groupBy(backups, (backup) => wordOf(backup, now));
  const counts = order.flatMap((word) => {
    const those = groups.get(word) ?? [];
    return those.length === 0 ? [] : [`${those.length} ${word}${word === good ? '' : namesOf(those)}`];
  });
  return [`backups: ${counts.join(', ')}`, ...oldest(backups, now), ...next(backups, now)].join('; ');
}

const good = 'up to date';
/** Something inside its data is in no archive. */
const incomplete = 'incomplete';
/** Nothing is due, since the first tick has not come yet. */
const none = 'with no archive yet';
const words: Record<Exclude<BackupState, 'due' | 'waiting' | 'blocked'>, string> = {
  ...{ running: 'running', missed: 'missed', done: good, suspended: 'suspended', 'by-hand': 'by hand only' },
};
const order = ['overdue', 'missed', 'due', 'running', incomplete, good, none, 'by hand only', 'suspended'];

function wordOf(backup: BackupStatus, now: number): string {
  const { state, lastArchive, uncovered } = backup;
  if (state === 'done' && lastArchive === null) return none;
  if ((state === 'done' || state === 'by-hand') && uncovered.length > 0) return incomplete;
  if (state !== 'due' && state !== 'waiting' && state !== 'blocked') return words[state];
  return isOverdue(backup, now) ? 'overdue' : 'due';
}

const named = 3;

function namesOf(those: BackupStatus[]): string {
  const shown = those.slice(0, named).map(({ service }) => safe(service));
  const more = those.length > named ? [`${those.length - named} more`] : [];
  return ` (${[...shown, ...more].join(', ')})`;
}

function oldest(backups: BackupStatus[], now: number): string[] {
  const dated = backups.flatMap(({ service, state, lastArchive }) =>
    state === 'suspended' || lastArchive === null ? [] : [{ service, at: lastArchive.at }],
  );
  const [last] = dated.sort((a, b) => a.at - b.at);
  if (last === undefined) return [];
  return [`the oldest archive is that of ${safe(last.service)}, ${relative(last.at, now)}`];
}

function next(backups: BackupStatus[], now: number): string[] {
  const ticks = backups.flatMap(({ service, nextAt }) => (nextAt === null ? [] : [{ service, nextAt }]));
  const [first] = ticks.sort((a, b) => a.nextAt - b.nextAt);
  return first === undefined ? [] : [`next: ${safe(first.service)} ${relative(first.nextAt, now)}`];
}
