import type { ObservedContainer } from '../../../observers/types.ts';
import type { Inputs, Made } from './made.ts';

/**
 * What has become of containers that compose was told to make anew, where it ended with an error: it may not have come to
 * one of them, or be done with it. Their ids say which. Where Steward was cut off they do not: compose goes on without it.
 * Pure.
 */

export interface Making {
  /** Of its containers before. */
  ids: readonly string[];
  /** What these were made from; null: nobody knows; absent: nobody has kept it. */
  before?: Inputs | null;
  /** What compose was given. */
  to: Inputs;
  /** Compose has ended by itself; absent: it is at work, or was cut off. */
  failed?: true;
}

/** What is kept of a stack. Of a container that is in `making`, `made` says that nobody knows. */
export interface KeptMade {
  made: Made;
  making: Record<string, Making>;
}

/** With what the containers of the stack tell now; null where they tell nothing new. */
export function settledMaking(
  { made, making }: KeptMade,
  found: readonly ObservedContainer[],
): KeptMade | null {
  const tries = Object.entries(making).map(([name, attempt]) => {
    const own = found.filter(({ service }) => service === name);
    return { name, attempt, inputs: inputsNow(attempt, own) };
  });
  const open = tries.filter(({ inputs }) => inputs === null);
  if (open.length === tries.length) return null;
  const told = tries.flatMap(({ name, inputs }) => (inputs ? [[name, inputs] as const] : []));
  const others = Object.entries(made).filter(([name]) => !Object.hasOwn(making, name));
  const unknown = open.map(({ name }) => [name, null] as const);
  return {
    made: Object.fromEntries([...others, ...told, ...unknown]),
    making: Object.fromEntries(open.map(({ name, attempt }) => [name, attempt])),
  };
}

/**
 * Null: nobody knows. One that was started is of what compose was given: all of that is in it before. Of one that was not
 * touched its image may have been built again all the same.
 */
function inputsNow(
  { ids, before, to, failed }: Making,
  found: readonly ObservedContainer[],
): Inputs | null | undefined {
  if (failed === undefined || found.length === 0) return null;
  const old = found.filter(({ id }) => ids.includes(id));
  if (old.length === 0) return found.every(({ state }) => state !== 'created') ? to : null;
  const isUntouched = old.length === found.length && old.length === ids.length;
  return isUntouched && !isBuilt(to) && !isBuilt(before ?? {}) ? before : null;
}

function isBuilt(inputs: Inputs): boolean {
  return Object.keys(inputs).some((field) => field.startsWith('build.'));
}
