import type { ArchiveFacts } from '../../reconciler/apply/types.ts';
import { isPrunedNote } from '../../reconciler/notes.ts';
import type { BackupRun } from '../../reconciler/state/runs.ts';
import { bytes, count } from './quantity.ts';
import { joinLines, pad, paint, plural, type StatusOptions, type Style, safe, widest } from './text.ts';
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

/** What a person has had done with archives: it is kept in the history of resources, and looked for here. */
export type AskedFor = 'restore' | 'recover' | 'delete-archive';

export interface ShownRun extends Omit<BackupRun, 'what'> {
  what: BackupRun['what'] | AskedFor;
}

const labels: Record<Exclude<ShownRun['what'], 'archive'>, string> = {
  ...proofs,
  restore: 'restore',
  recover: 'recovery',
  'delete-archive': 'archive deleted',
};

const isAskedFor = (what: ShownRun['what']) => what !== 'archive' && !(what in proofs);

/** One line a run, and below it what went wrong or was held back. */
export function renderRuns(runs: ShownRun[], options: StatusOptions): string {
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
  return joinLines([...lines, '', total(runs)], options);
}

function detail({ what, archive, durationMs, downtimeMs, facts }: ShownRun): string {
  if (what !== 'archive') return [labels[what], duration(durationMs), ...named(archive)].join(' · ');
  const down = downtimeMs !== null && downtimeMs > 0 ? [`down ${duration(downtimeMs)}`] : [];
  if (facts === null) return [duration(durationMs), ...down, ...named(archive)].join(' · ');
  const { files, originalBytes, deduplicatedBytes } = facts;
  return [
    duration(durationMs),
    ...down,
    `${count(files)} ${files === 1 ? 'file' : 'files'}, ${bytes(originalBytes)}`,
    `${bytes(deduplicatedBytes)} new`,
    ...unchanged(facts),
    safe(facts.name),
  ].join(' · ');
}

function named(archive: string | null): string[] {
  return archive === null ? [] : [safe(archive)];
}

function unchanged(facts: ArchiveFacts): string[] {
  const rate = hitRate(facts);
  if (rate === null) return [];
  return [`${(rate * 100).toFixed(rate === 1 || rate === 0 ? 0 : 1)} % unchanged`];
}

/** Share of the files that Borg's files cache knew again, 0 to 1; null where nobody counted, or there is no file. */
function hitRate({ files, filesRead }: ArchiveFacts): number | null {
  return filesRead === null || files === 0 ? null : Math.max(0, files - filesRead) / files;
}

/** A run for programs. */
export function runJson({ atMs, facts, ...run }: ShownRun): Record<string, unknown> {
  if (facts === null) return { at: atMs, ...run };
  const { files, filesRead, originalBytes, compressedBytes, deduplicatedBytes } = facts;
  const sizes = { originalBytes, compressedBytes, deduplicatedBytes };
  return { at: atMs, ...run, files, filesRead, filesCacheHitRate: hitRate(facts), ...sizes };
}

function below({ error, notes }: ShownRun, options: StatusOptions): string[] {
  return [
    ...(error === null ? [] : [`    ${paint(options, 'red', safe(error))}`]),
    ...notes.map((text) => `    ${paint(options, isPrunedNote(text) ? 'dim' : 'yellow', safe(text))}`),
  ];
}

function total(all: ShownRun[]): string {
  const byHand = all.filter(({ what }) => isAskedFor(what)).length;
  const runs = all.filter(({ what }) => !isAskedFor(what));
  const [backups = [], proven = []] = [true, false].map((made) =>
    runs.filter(({ what }) => (what === 'archive') === made),
  );
  const without = (those: ShownRun[], words: string) => {
    const failed = those.filter(({ result }) => result !== 'done').length;
    return failed === 0 ? '' : `, ${failed} ${words}`;
  };
  const parts = [
    `${plural(backups.length, 'backup')}${without(backups, 'without an archive')}`,
    ...(proven.length === 0 ? [] : [`${plural(proven.length, 'proof')}${without(proven, 'not good')}`]),
    ...(byHand === 0 ? [] : [`${byHand} by hand`]),
  ];
  return parts.join(' · ');
}
