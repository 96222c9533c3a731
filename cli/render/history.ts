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

/** What happened to one resource, or to all of one name, in the order given: when, what, for which commit, with what result, and why. */
export function renderHistory(entries: HistoryEntry[], options: StatusOptions): string {
  if (entries.length === 0) return joinLines(['Nothing is recorded: Steward never changed it.']);
  const whens = entries.map(({ at }) => relative(at, options.now));
  const width = widest(whens);
  const ids = [...new Set(entries.map(({ id }) => safe(id)))];
  const idWidth = ids.length === 1 ? 0 : widest(ids);
  const lines = entries.flatMap((entry, index) => [
    `${pad(whens[index] ?? '', width)}  ${line(entry, idWidth, options)}`,
    ...reasonLines(entry.reasons, options),
    ...(entry.error === null ? [] : [`    ${paint(options, 'red', safe(entry.error))}`]),
  ]);
  const total = plural(entries.length, 'entry').replace('entrys', 'entries');
  return joinLines([paint(options, 'bold', ids.join(', ')), '', ...lines, '', total], options);
}

/** `idWidth`: 0 where all are of one resource, which the head names. */
function line(entry: HistoryEntry, idWidth: number, options: StatusOptions): string {
  const result = paint(options, styles[entry.result], entry.result);
  const id = idWidth === 0 ? '' : `${pad(safe(entry.id), idWidth)}  `;
  return `${safe(entry.commit.slice(0, 7))}  ${id}${safe(entry.verb)}  ${result}  ${duration(entry.durationMs)}`;
}
