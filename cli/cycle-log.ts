import type { Cycle } from '../reconciler/cycle.ts';
import type { Outcome, Reason } from '../reconciler/types.ts';
import type { Log } from './log.ts';
import { reasonText } from './render/reason.ts';
import { total } from './status-of.ts';

/** A cycle with nothing to tell is told at debug level only: a log that repeats itself is not read. */
export function logCycle(cycle: Cycle, log: Log): void {
  const fields = { commit: cycle.commit?.id, result: cycle.result, durationMs: Math.round(total(cycle)) };
  logOutcomes(cycle.outcomes, cycle.commit?.id, log);
  for (const { file, line, column, message } of cycle.problems) log.warn({ file, line, column }, message);
  if (cycle.loadError !== null) log.error({ err: cycle.loadError }, 'commit could not be read');
  if (cycle.refused !== null)
    log.error({ err: cycle.fetchError, refused: cycle.refused.id }, 'commit refused');
  else if (cycle.fetchError !== null) log.warn({ err: cycle.fetchError }, 'repository not reached');
  if (cycle.result === 'converged') log.debug(fields, 'cycle');
  else log.info(fields, 'cycle');
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
