import { assertNever } from '../../tools/assert-never.ts';
import type { RestoreStep } from '../types.ts';
import { readComment } from './borg-comment.ts';
import type { CreateOptions } from './borg-create.ts';
import { extractArchive } from './borg-extract.ts';
import { extractTo } from './borg-extract-to.ts';
import { findArchive } from './borg-find.ts';
import { requireEmpty } from './require-empty.ts';
import { restoreFiles } from './rollback.ts';
import type { SnapshotOptions } from './snapshot.ts';
import { createByHand } from './snapshots-by-hand.ts';
import type { StepFacts } from './types.ts';
import { rollBackSnapshots } from './zfs-rollback.ts';

export interface RestoreContext {
  borg: CreateOptions;
  snapshots: SnapshotOptions;
}

/** One step of a restore, on this machine. Throws StepError. */
export function runRestoreStep(
  step: RestoreStep,
  { borg, snapshots }: RestoreContext,
  // biome-ignore lint/suspicious/noConfusingVoidType: most steps have nothing to tell.
): Promise<StepFacts | void> {
  switch (step.op) {
    case 'borg-find':
      return findArchive(step, borg, snapshots);
    case 'borg-comment':
      return readComment(step, borg);
    case 'borg-extract':
      return extractArchive(step, { ...borg, readMountinfo: snapshots.readMountinfo });
    case 'borg-extract-to':
      return extractTo(step, borg);
    case 'require-empty':
      return requireEmpty(step, snapshots);
    case 'zfs-rollback':
      return rollBackSnapshots(step, snapshots);
    case 'snapshot-by-hand':
      return createByHand(step.datasets, step.tag, snapshots);
    case 'files-restore':
      return restoreFiles(step, { ...snapshots, runDir: borg.runDir, stateDir: borg.stateDir });
    default:
      return assertNever(step);
  }
}
