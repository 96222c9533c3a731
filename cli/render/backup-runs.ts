import type { BackupRun } from '../../reconciler/state/runs.ts';
import { bytes, count } from './quantity.ts';
import type { StatusOptions } from './status.ts';
import { joinLines, pad, paint, plural, type Style, safe, widest } from './text.ts';
import { duration, relative } from './time.ts';

const styles: Record<BackupRun['result'], Style> = {
  done: 'green',
  failed: 'red',
  interrupted: 'magenta',
};

/** What proves a backup, in words. */
export const proofs: Record<Exclude<BackupRun['what'], 'archive'>, string> = {
  partial: 'partial check',
  full: 'check',
  'verify-data': 'check of all data',
  drill: 'restore drill',
};

/** One line a run, and below it what went wrong or was held back. */
export function renderRuns(runs: BackupRun[], options: StatusOptions): string {
  if (runs.length === 0) return joinLines(['No backup was begun yet.']);
  const whens = runs.map(({ atMs }) => relative(atMs, options.now));
  const columns = [whens, runs.map(({ service }) => safe(service)), runs.map(({ result }) => result)];
  const widths = columns.map(widest);
  const lines = runs.flatMap((run, index) => {
    const [when = '', service = '', result = ''] = columns.map((column, at) =>
      pad(column[index] ?? '', widths[at] ?? 0),
    );
    const head = `${when}  ${service}  ${paint(options, styles[run.result], result)}`;
    return [`${head}  ${detail(run)}`, ...below(run, options)];
  });
  return joinLines([...lines, '', total(runs)]);
}

function detail({ what, archive, durationMs, downtimeMs, facts }: BackupRun): string {
  if (what !== 'archive')
    return [proofs[what], duration(durationMs), ...(archive === null ? [] : [safe(archive)])].join(' · ');
  const down = downtimeMs > 0 ? [`down ${duration(downtimeMs)}`] : [];
  if (facts === null) return [duration(durationMs), ...down].join(' · ');
  const { files, filesRead, originalBytes, deduplicatedBytes } = facts;
  const hits = files === 0 ? 0 : Math.max(0, files - filesRead) / files;
  return [
    duration(durationMs),
    ...down,
    `${count(files)} ${files === 1 ? 'file' : 'files'}, ${bytes(originalBytes)}`,
    `${bytes(deduplicatedBytes)} new`,
    `${(hits * 100).toFixed(hits === 1 || hits === 0 ? 0 : 1)} % unchanged`,
    safe(facts.name),
  ].join(' · ');
}

function below({ error, notes }: BackupRun, options: StatusOptions): string[] {
  return [
    ...(error === null ? [] : [`    ${paint(options, 'red', safe(error))}`]),
    ...notes.map((text) => `    ${paint(options, 'yellow', safe(text))}`),
  ];
}

function total(runs: BackupRun[]): string {
  const [backups = [], proven = []] = [true, false].map((made) =>
    runs.filter(({ what }) => (what === 'archive') === made),
  );
  const without = (those: BackupRun[], words: string) => {
    const failed = those.filter(({ result }) => result !== 'done').length;
    return failed === 0 ? '' : `, ${failed} ${words}`;
  };
  const parts = [
    `${plural(backups.length, 'backup')}${without(backups, 'without an archive')}`,
    ...(proven.length === 0 ? [] : [`${plural(proven.length, 'proof')}${without(proven, 'not good')}`]),
  ];
  return parts.join(' · ');
}
