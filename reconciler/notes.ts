import { unfinishedBy } from '../tools/borg/archives.ts';
import type { StepFacts } from './apply/types.ts';
import type { Step } from './types.ts';

/** What a person is to know of a step that was done: what it said itself, what it held back, what its plan says. */
export function notesOf(step: Step | undefined, { notes = [], heldBack }: StepFacts): string[] {
  const planned = step !== undefined && 'note' in step ? step.note : undefined;
  const gone = step?.op === 'borg-delete' && heldBack === undefined ? prunedNote(step) : undefined;
  return [...notes, ...[heldBack, planned, gone].filter((note) => note !== undefined)];
}

/** What went by the retention; whoever deletes by name has said it himself, and of checkpoints the step tells. */
function prunedNote({ archives, onlyAfter }: Extract<Step, { op: 'borg-delete' }>): string | undefined {
  const whole = archives.filter((name) => unfinishedBy(name) === null);
  if (onlyAfter === null || whole.length === 0) return undefined;
  return `${pruned}${whole.join(', ')}`;
}

const pruned = 'deleted, as the retention says: ';

/** Whether a note tells what was pruned: it is what was asked for, and happens every night. */
export function isPrunedNote(text: string): boolean {
  return text.startsWith(pruned);
}
