import type { StepFacts } from './apply/types.ts';
import type { Step } from './types.ts';

/** What a person is to know of a step that was done: what it said itself, what it held back, what its plan says. */
export function notesOf(step: Step | undefined, { notes = [], heldBack }: StepFacts): string[] {
  const planned = step !== undefined && 'note' in step ? step.note : undefined;
  return [...notes, ...[heldBack, planned].filter((note) => note !== undefined)];
}
