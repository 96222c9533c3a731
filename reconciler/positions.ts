import type { Change, Step } from './types.ts';

/**
 * Where a step of a change stands in the journal: steps of its own at their index, those of its rescue below zero, so
 * that they come first and in their order.
 */

export function stepAt(change: Change, position: number): Step | undefined {
  const rescue = change.rescue?.steps ?? [];
  return position < 0 ? rescue[rescue.length + position]?.step : change.steps[position];
}

/** What step `index` makes necessary. */
export function positionsOf({ undo = [], rescue }: Change, index: number): number[] {
  const rescues = rescue?.steps ?? [];
  const below = rescues.flatMap(({ of }, at) => (of === index ? [at - rescues.length] : []));
  return [...below, ...undo.filter(({ of }) => of === index).map(({ by }) => by)];
}
