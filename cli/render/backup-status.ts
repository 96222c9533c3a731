import { assertNever } from '../../tools/assert-never.ts';
import { proofs } from './backup-runs.ts';
import { opText } from './backup-step.ts';
import { bytes, count } from './quantity.ts';
import { type Look, pad, paint, type StatusOptions, type Style, safe, widest, wrap } from './text.ts';
import { relative } from './time.ts';
import type { BackupStatus } from './types.ts';

/** Backups below the services: how old the newest archive is, when the next is due, when one was last proven. */
export function backupLines(backups: BackupStatus[], options: StatusOptions): string[] {
  return [...backupRows(backups, options), ...keyLines(backups, options)];
}

export function backupRows(backups: BackupStatus[], options: StatusOptions): string[] {
  const rows = backups.map((backup) => columns(backup, options.now));
  const widths = [0, 1, 2, 3, 4].map((at) => widest(rows.map((row) => row[at] ?? '')));
  return backups.flatMap((backup, index) => {
    const lines = rowLines(rows[index] ?? [], widths, options);
    return [...lines, ...below(backup, options), ...gaps(backup, options), ...unpruned(backup, options)];
  });
}

/** Columns for which there is no room stand below, for all rows alike. */
function rowLines(cells: string[], widths: number[], { width }: Look): string[] {
  const indent = '    ';
  const lines: string[][] = [[]];
  let used = 0;
  for (const [at, cell] of cells.entries()) {
    const own = (widths[at] ?? 0) + (at === 0 ? 0 : 2);
    if (width !== null && at > 0 && used + own > width) {
      lines.push([]);
      used = indent.length - 2;
    }
    lines.at(-1)?.push(pad(cell, widths[at] ?? 0));
    used += own;
  }
  return lines.map((line, index) => `${index === 0 ? '' : indent}${line.join('  ')}`.trimEnd());
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

/** Due for longer than this without being under way: somebody may want to look. */
const overdueAfterMs = 3_600_000;

export function isOverdue({ since }: BackupStatus, now: number): boolean {
  return since !== null && now - since > overdueAfterMs;
}

function due(backup: BackupStatus, now: number): string {
  const { state, since, nextAt } = backup;
  const ago = since === null ? '' : relative(since, now).replace(/ ago$/, '');
  const next = nextAt === null ? null : `next ${relative(nextAt, now)}`;
  switch (state) {
    case 'suspended':
      return 'suspended';
    case 'running':
      return `running since ${ago}`;
    case 'missed':
      return [`missed ${ago} ago`, ...(next === null ? [] : [next])].join(', ');
    case 'due':
    case 'waiting':
    case 'blocked':
      return `${isOverdue(backup, now) ? 'overdue' : 'due'} since ${ago}`;
    case 'by-hand':
      return 'by hand only';
    case 'done':
      return next ?? 'never again';
    default:
      return assertNever(state);
  }
}

function below(backup: BackupStatus, options: StatusOptions): string[] {
  const { lastError, damage, proofError, failures, why, state } = backup;
  const again = failures > 1 ? ` (${failures} times in a row)` : '';
  // What blocks it mostly ends with it.
  const error = lastError === null || why?.includes(lastError) === true ? null : `${lastError}${again}`;
  const lines: [Style, string | null][] = [
    ['cyan', runningText(backup, options.now)],
    [state === 'waiting' ? 'yellow' : 'red', why],
    ...[error, damage, proofError].map((text): [Style, string | null] => ['red', text]),
  ];
  return lines.flatMap(([style, text]) => (text === null ? [] : sentenceLines(text, style, options)));
}

/** `archiving, 1,204 files, 3.40 GB of 9.10 GB`; what proves an archive has no column that says so. */
function runningText({ running }: BackupStatus, now: number): string | null {
  if (running === null) return null;
  const { what, since, step, files, bytes: done, totalBytes } = running;
  const total = totalBytes === null ? '' : ` of ${bytes(totalBytes)}`;
  const parts = [
    step === null ? 'at work' : opText(step),
    ...(files === null || files === 0 ? [] : [`${count(files)} files`]),
    ...(done === null ? [] : [`${bytes(done)}${total}`]),
  ];
  const name =
    what === 'archive' ? '' : `${proofs[what]} since ${relative(since, now).replace(/ ago$/, '')}: `;
  return `${name}${parts.join(', ')}`;
}

/** What was kept by a Steward from before knows of none. */
function gaps({ uncovered = [] }: BackupStatus, look: Look): string[] {
  return uncovered.flatMap((text) => sentenceLines(text, 'red', look));
}

/** Damage says by itself that nothing is pruned. */
function unpruned({ damage, pruneHeld = null }: BackupStatus, look: Look): string[] {
  if (pruneHeld === null || damage !== null) return [];
  return sentenceLines(pruneHeld, 'yellow', look);
}

function sentenceLines(text: string, style: Style, look: Look): string[] {
  const lines = look.width === null ? [safe(text)] : wrap(safe(text), look.width - 4);
  return lines.map((line) => `    ${paint(look, style, line)}`);
}

/** Said once for all: as long as nobody has exported any, it is the same for each. */
function keyLines(backups: BackupStatus[], look: Look): string[] {
  const problems = Map.groupBy(backups, ({ keyProblem = null }) => keyProblem);
  return [...problems].flatMap(([problem, those]) => {
    if (problem === null) return [];
    const names = `${those.length === 1 ? '' : 'each of '}${those.map(({ service }) => safe(service)).join(', ')}`;
    return ['', `${paint(look, 'yellow', '!')} ${names}: ${safe(problem)}`];
  });
}
