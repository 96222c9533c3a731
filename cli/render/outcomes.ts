import type { ChangeResult, ChangeVerb, Outcome } from '../../reconciler/types.ts';
import { type Columns, columnsOf } from './columns.ts';
import { joinLines, type Look, paint, safe, truncate, wrap } from './text.ts';
import { duration } from './time.ts';

const past: Record<ChangeVerb, string> = {
  create: 'created',
  update: 'updated',
  replace: 'replaced',
  delete: 'removed',
  run: 'ran',
};
const signs = { applied: '✓', failed: '✗', skipped: '-' } as const satisfies Record<ChangeResult, string>;
const styles = { applied: 'green', failed: 'red', skipped: 'yellow' } as const satisfies Record<
  ChangeResult,
  string
>;

export interface OutcomeOptions {
  mountpoint?: string;
  /** The lines were shown while the apply went on: only the count is left to say. */
  isTold?: boolean;
}

/** What an apply did: a line a change, an error once, and the count. */
export function renderOutcomes(outcomes: Outcome[], look: Look, options: OutcomeOptions = {}): string {
  if (outcomes.length === 0) return joinLines(['Nothing was changed.']);
  const last = wrap(total(outcomes), look.width ?? Number.POSITIVE_INFINITY);
  const count = last.map((line) => paint(look, 'bold', line));
  if (options.isTold === true) return joinLines(count);
  const changes = outcomes.map(({ change }) => change);
  const columns = columnsOf(changes, look, options.mountpoint);
  const seen = new Set<string>();
  const lines = outcomes.flatMap((outcome) => [
    outcomeLine(outcome, look, columns),
    ...errorLines(outcome, look, seen),
  ]);
  return joinLines([...lines, '', ...count]);
}

export function outcomeLine(outcome: Outcome, look: Look, columns: Columns): string {
  const { change, result } = outcome;
  const word = result === 'applied' ? past[change.verb] : result;
  const time = result === 'skipped' ? '' : `  ${duration(outcome.durationMs)}`;
  const text = `${columns(change)}  ${word}${time}`;
  const room = look.width === null ? null : look.width - 2;
  return `${paint(look, styles[result], signs[result])} ${truncate(text, room)}`;
}

/** The same fault behind many changes is told once. */
export function errorLines({ error, result }: Outcome, look: Look, seen: Set<string>): string[] {
  if (error === null || seen.has(error)) return [];
  seen.add(error);
  const lines = wrap(safe(error), look.width === null ? Number.POSITIVE_INFINITY : look.width - 4);
  return lines.map((line) => `    ${paint(look, styles[result], line)}`);
}

function total(outcomes: Outcome[]): string {
  const of = (result: ChangeResult) => outcomes.filter((outcome) => outcome.result === result).length;
  const counts = (['applied', 'failed', 'skipped'] as const).filter((result) => of(result) > 0);
  const next =
    of('failed') + of('skipped') > 0 ? ['mend what failed and push, or look again: steward plan'] : [];
  return [counts.map((result) => `${of(result)} ${result}`).join(', '), measured(outcomes), ...next].join(
    ' · ',
  );
}

function measured(outcomes: Outcome[]): string {
  const down = outcomes.filter(({ downtimeMs }) => downtimeMs > 0);
  if (down.length === 0) return 'no downtime';
  const shown = down
    .slice(0, 3)
    .map(({ change, downtimeMs }) => `${safe(change.name)} ${duration(downtimeMs)}`);
  const more = down.length > 3 ? [`${down.length - 3} more`] : [];
  return `was down: ${[...shown, ...more].join(', ')}`;
}
