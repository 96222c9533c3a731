import { alone } from '../alone.ts';
import { type BackgroundDeps, type Elsewhere, outcomeOfSkipped, takeAll, undoLog } from '../background.ts';
import { keptOutBy } from '../backup/at-work.ts';
import type { GateKeeper } from '../gate.ts';
import type { StepsRun } from '../run-state.ts';
import { runSteps } from '../run-steps.ts';
import { readBackups } from '../state/backups.ts';
import { recordHistory } from '../state/history.ts';
import type { StepDeps } from '../step-deps.ts';
import type { Change, Outcome } from '../types.ts';

export interface RestoreDeps extends BackgroundDeps {
  gate: GateKeeper;
  /** Once it is alone with the repository, before anything is done. What it throws is thrown. */
  begin?: () => void;
  learned?: StepDeps['learned'];
}

/** Carries out one restore, alone with its repository. Throws StateError when the state folder fails. */
export async function runRestore(change: Change, commit: string, deps: RestoreDeps): Promise<Outcome> {
  const locks = takeAll(change.background?.locks ?? [], deps);
  try {
    if ('taken' in locks) deps.begin?.();
    const outcome = 'name' in locks ? keptOut(change, locks, deps) : await carryOut(change, commit, deps);
    deps.progress?.({ type: 'finished', outcome });
    return outcome;
  } finally {
    if ('taken' in locks) for (const lock of locks.taken) lock.release();
  }
}

function keptOut(change: Change, { name, holder }: Elsewhere, { store }: RestoreDeps): Outcome {
  const error = keptOutBy(holder, name, 'its repository', readBackups(store));
  return outcomeOfSkipped(change, error);
}

async function carryOut(change: Change, commit: string, deps: RestoreDeps): Promise<Outcome> {
  const { store, clock, gate, progress, signal, learned } = deps;
  const stop = { error: null as unknown };
  const startMs = clock.monotonic();
  const prove = async () => (change.gate === undefined ? null : await gate(change.gate, signal));
  const ran = await runSteps(
    change,
    {
      ...alone(deps),
      ...{ clock, prove, announce: () => {}, undo: undoLog(store, clock) },
      ...(progress === undefined ? {} : { progress }),
      ...(learned === undefined ? {} : { learned }),
      ...(signal === undefined ? {} : { signal }),
    },
    stop,
  );
  if (stop.error !== null) throw stop.error;
  const outcome = outcomeOf(change, ran, clock.monotonic() - startMs);
  const { id, verb, reasons } = change;
  const { result, error, durationMs } = outcome;
  recordHistory(store, [{ atMs: clock.now(), id, verb, commit, error, durationMs, reasons, result }]);
  return outcome;
}

const ends = { back: '; what was there before is back', stays: '; what was brought back stays' };

function outcomeOf(change: Change, ran: StepsRun, durationMs: number): Outcome {
  const { failure, notes, downtimeMs, data } = ran;
  const result = failure === null ? 'applied' : 'failed';
  const error = failure === null ? null : `${failure.message}${data === null ? '' : ends[data]}`;
  return { change, result, error, durationMs, downtimeMs: downtimeMs ?? 0, notes };
}
