import type { Failure } from './part-types.ts';
import { failureAt } from './parts.ts';
import { stepAt } from './positions.ts';
import { asError, putRight } from './put-right.ts';
import { type RunState, releaseAfter, settle } from './run-state.ts';
import type { StepDeps } from './step-deps.ts';
import type { Change } from './types.ts';

/** Containers are started before a snapshot is cleared away. Gives what it could not do. */
export async function putAllRight(change: Change, deps: StepDeps, state: RunState): Promise<Failure[]> {
  const open = [...state.open]
    .sort(([a], [b]) => a - b)
    .flatMap(([position, sinceMs]) => {
      const step = stepAt(change, position);
      return step === undefined ? [] : [{ position, step, sinceMs }];
    });
  const unwritten: Failure[] = [];
  const { failed, notes } = await putRight(open, deps.executor, {
    settle(positions) {
      // What is done counts as done even where that cannot be written down: the next run does it once more.
      const error = errorOf(() => settle(change, positions, deps, state));
      if (error !== null) unwritten.push(failureAt(positions[0] ?? 0, error));
      releaseAfter(change, positions, state);
    },
    fail(position, error) {
      deps.undo?.fail(change, position, error);
      releaseAfter(change, [position], state);
    },
  });
  state.said.push(...notes);
  return [...failed.map(({ position, error }) => failureAt(position, error)), ...unwritten];
}

/** Null where there is none. */
function errorOf(action: () => void): Error | null {
  try {
    action();
    return null;
  } catch (error) {
    return asError(error);
  }
}
