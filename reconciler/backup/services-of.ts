import type { Change } from '../types.ts';

/** A change for several services at one instant is a run of each. */
export function servicesOf({ service, steps }: Change): string[] {
  if (service !== null) return [service];
  return steps.flatMap((step) => (step.op === 'borg-create' ? [step.at] : []));
}
