import type { StepFacts } from '../apply/types.ts';
import type { BorgManifest, Step } from '../types.ts';
import type { CleanArchive } from './step-parts.ts';

/**
 * Why a step of this change is better not carried out after what the earlier ones found out; null when it may be.
 * Nothing is pruned unless the archive just made is whole beyond doubt, and about as large as the one before.
 */
export function heldBack(step: Step, facts: StepFacts): string | null {
  if (step.op === 'borg-compact' && facts.heldBack !== undefined) return facts.heldBack;
  if (step.op === 'borg-manifest') return noManifest(step, facts);
  if (step.op !== 'borg-delete' || step.onlyAfter === null) return null;
  const doubt = doubtOf(step.onlyAfter, facts.archive) ?? lackOf(step.onlyAfter, facts);
  return doubt === null ? null : `${unpruned}${doubt}`;
}

const unpruned = 'nothing was pruned: ';

/** Which of the notes of a run says that nothing was pruned after it; null where none does. */
export function unprunedNote(notes: readonly string[]): string | null {
  return notes.find((note) => note.startsWith(unpruned)) ?? null;
}

/** It would tell what another snapshot had than the one that was archived. */
function noManifest({ archive }: BorgManifest, { archive: made }: StepFacts): string | null {
  if (made?.name !== archive) return `${archive} was not made, so there is nothing to take a manifest of`;
  if (made.filesRead !== null) return null;
  return `no manifest was taken: an earlier attempt made ${archive}, from a snapshot that is gone; the next archive gets one`;
}

/** Borg said that all is well, and the snapshot has more than the archive: older ones may be all that is left of it. */
function lackOf({ archive }: CleanArchive, { manifest, failed }: StepFacts): string | null {
  return manifest?.archive === archive && failed !== undefined ? failed : null;
}

function doubtOf(wanted: CleanArchive, made: StepFacts['archive']): string | null {
  if (made === undefined || made.name !== wanted.archive) return `${wanted.archive} was not made`;
  const [warning] = made.warnings;
  if (warning !== undefined) return `Borg warned about ${made.name}: ${warning}`;
  if (made.files < wanted.minFiles)
    return `${made.name} has ${made.files} files, fewer than the ${wanted.minFiles} that backup.collapse asks for`;
  if (made.originalBytes < wanted.minBytes)
    return `${made.name} has ${made.originalBytes} bytes, fewer than the ${wanted.minBytes} that backup.collapse asks for`;
  return null;
}
