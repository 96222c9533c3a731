import type { Cycle } from '../reconciler/cycle.ts';
import type { Outcome, Reason } from '../reconciler/types.ts';
import type { Log } from './log.ts';
import { reasonText } from './render/reason.ts';
import { total } from './status-of.ts';

/**
 * What is as it was in the cycle before is told at debug level only, or not at all: a log that repeats itself is not read.
 */
export function cycleLog(log: Log): (cycle: Cycle) => void {
  let before = { troubles: new Set<string>(), cycle: '' };
  return (cycle) => {
    logOutcomes(cycle.outcomes, cycle.commit?.id, log);
    const troubles = troublesOf(cycle);
    for (const [key, { level, fields, message }] of troubles)
      if (!before.troubles.has(key)) log[level](fields, message);
    const ended = `${cycle.result} ${cycle.commit?.id}`;
    const isNews = cycle.outcomes.length > 0 || ended !== before.cycle;
    const fields = { commit: cycle.commit?.id, result: cycle.result, durationMs: Math.round(total(cycle)) };
    log[isNews ? 'info' : 'debug'](fields, 'cycle');
    before = { troubles: new Set(troubles.keys()), cycle: ended };
  };
}

/** Cycles that could not be carried out at all: the same reason is told once, and that it is over. */
export function failureLog(log: Log): { failed(err: string): void; over(): void } {
  let before: string | null = null;
  return {
    failed(err) {
      log[err === before ? 'debug' : 'error']({ err }, 'cycle failed');
      before = err;
    },
    over() {
      if (before !== null) log.info('cycles are carried out again');
      before = null;
    },
  };
}

interface Line {
  level: 'warn' | 'error';
  fields: object;
  message: string;
}

/** What is wrong with the repository, by all that is told of it. */
function troublesOf({ problems, loadError, refused, fetchError }: Cycle): Map<string, Line> {
  const lines: Line[] = problems.map(({ file, line, column, message }) => ({
    ...{ level: 'warn', fields: { file, line, column }, message },
  }));
  if (loadError !== null)
    lines.push({ level: 'error', fields: { err: loadError }, message: 'commit could not be read' });
  if (refused !== null)
    lines.push({
      level: 'error',
      fields: { err: fetchError, refused: refused.id },
      message: 'commit refused',
    });
  else if (fetchError !== null)
    lines.push({ level: 'warn', fields: { err: fetchError }, message: 'repository not reached' });
  return new Map(lines.map((line) => [JSON.stringify(line), line]));
}

export function logOutcomes(outcomes: Outcome[], commit: string | undefined, log: Log): void {
  for (const { change, result, error, durationMs, notes } of outcomes) {
    const { verb, kind, id } = change;
    const why = change.reasons.map(reasonOf);
    const line = {
      commit,
      kind,
      id,
      verb,
      why,
      result,
      durationMs: Math.round(durationMs),
      ...(notes === undefined ? {} : { notes }),
    };
    if (result === 'applied') log.info(line, 'change applied');
    else log.error({ ...line, err: error }, 'change not applied');
  }
}

function reasonOf(reason: Reason): string {
  return [reason.container ?? '', reason.field, reasonText(reason)].filter((part) => part !== '').join(' ');
}
