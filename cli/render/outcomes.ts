import type { ChangeResult, ChangeVerb, Outcome } from '../../reconciler/types.ts';
import { joinLines, type Look, pad, paint, safe, truncate, widest } from './text.ts';
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

/** What an apply did: a line a change, an error once, and the count. */
export function renderOutcomes(outcomes: Outcome[], look: Look): string {
  if (outcomes.length === 0) return joinLines(['Nothing was changed.']);
  const kinds = widest(outcomes.map(({ change }) => change.kind));
  const names = Math.min(60, widest(outcomes.map(({ change }) => safe(change.name))));
  const seen = new Set<string>();
  const lines = outcomes.flatMap((outcome) => [
    outcomeLine(outcome, look, kinds, names),
    ...errorLine(outcome, look, seen),
  ]);
  return joinLines([...lines, '', paint(look, 'bold', total(outcomes))]);
}

export function outcomeLine(outcome: Outcome, look: Look, kinds = 0, names = 0): string {
  const { change, result } = outcome;
  const word = result === 'applied' ? past[change.verb] : result;
  const time = result === 'skipped' ? '' : `  ${duration(outcome.durationMs)}`;
  const text = `${pad(change.kind, kinds)}  ${pad(safe(change.name), names)}  ${word}${time}`;
  const room = look.width === null ? null : look.width - 2;
  return `${paint(look, styles[result], signs[result])} ${truncate(text, room)}`;
}

/** The same fault behind many changes is told once. */
function errorLine({ error, result }: Outcome, look: Look, seen: Set<string>): string[] {
  if (error === null || seen.has(error)) return [];
  seen.add(error);
  return [`    ${paint(look, styles[result], safe(error))}`];
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
