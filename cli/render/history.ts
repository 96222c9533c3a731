import { reasonLines } from './reason.ts';
import { joinLines, pad, paint, plural, type StatusOptions, type Style, safe, widest } from './text.ts';
import { duration, relative } from './time.ts';
import type { HistoryEntry } from './types.ts';

const styles: Record<HistoryEntry['result'], Style> = {
  applied: 'green',
  failed: 'red',
  skipped: 'yellow',
  interrupted: 'magenta',
};

/** What happened to one resource, in the order given: when, what, for which commit, with what result, and why. */
export function renderHistory(entries: HistoryEntry[], options: StatusOptions): string {
  if (entries.length === 0) return joinLines(['Nothing is recorded: Steward never changed it.']);
  const whens = entries.map(({ at }) => relative(at, options.now));
  const width = widest(whens);
  const lines = entries.flatMap((entry, index) => [
    `${pad(whens[index] ?? '', width)}  ${line(entry, options)}`,
    ...reasonLines(entry.reasons, options),
    ...(entry.error === null ? [] : [`    ${paint(options, 'red', safe(entry.error))}`]),
  ]);
  const id = safe(entries[0]?.id ?? '');
  return joinLines([
    paint(options, 'bold', id),
    '',
    ...lines,
    '',
    plural(entries.length, 'entry').replace('entrys', 'entries'),
  ]);
}

function line(entry: HistoryEntry, options: StatusOptions): string {
  const result = paint(options, styles[entry.result], entry.result);
  return `${safe(entry.commit.slice(0, 7))}  ${safe(entry.verb)}  ${result}  ${duration(entry.durationMs)}`;
}
