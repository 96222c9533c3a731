import type { DesiredBackup } from '../../desired-state/types.ts';
import type { OwnerPlan } from '../../reconciler/owners/move.ts';
import type { SafetySnapshots } from '../../reconciler/restore/safety.ts';
import type { Change } from '../../reconciler/types.ts';
import { relative } from '../render/time.ts';

/** What a restore means for the person who is to agree to it, in sentences. Pure. */

interface Meant {
  desired: Pick<DesiredBackup, 'service' | 'excludes'>;
  change: Pick<Change, 'reasons'>;
  /** By earlier restores, newest first. */
  kept: readonly SafetySnapshots[];
  nowMs: number;
}

export interface MeantRestore extends Meant {
  archive: { name: string; atMs: number };
  /** Empty: everything. */
  paths: readonly string[];
  owners: Pick<OwnerPlan, 'note'>;
  /** Which archives were passed over for it, as a sentence without its end; null where none were. */
  passedOver: string | null;
}

export function restoreMeans(meant: MeantRestore): string {
  const { desired, archive, paths, owners, passedOver, nowMs } = meant;
  const what = paths.length === 0 ? 'All data' : paths.join(', ');
  const becomes = `${what} of ${desired.service} becomes what it was ${relative(archive.atMs, nowMs)} (${archive.name}).`;
  const also = owners.note === undefined ? null : `Also: ${owners.note}.`;
  const older = passedOver === null ? null : `${passedOver}.`;
  return joined([becomes, older, keeps(meant), leftOut(desired), ...heldToo(meant), also]);
}

/** Nothing takes these away by itself, and a person may not think of what they take up. */
function keeps({ desired: { service }, kept }: Meant): string {
  const all = 'What is there now is kept for --undo';
  if (kept.length === 0) return `${all}, until steward snapshot destroy removes it.`;
  const tags = kept.map(({ tag }) => tag).join(', ');
  return `${all}. What earlier restores have kept stays as well (${tags}): steward snapshot list ${service} says what that takes up, steward snapshot destroy ${service} TAG removes it.`;
}

/** They are emptied with everything else, and are not in the archive. */
function leftOut({ excludes }: Meant['desired']): string | null {
  return excludes.length === 0 ? null : `What backups leave out (${excludes.join(', ')}) is gone then.`;
}

/** A person may not think of those of other services. */
function heldToo({ change }: Meant): string[] {
  return change.reasons.flatMap(({ field, note }) => (field === 'writers' ? [`${note}.`] : []));
}

/** Where nothing is kept there is no undo. */
export function undoMeans(meant: Meant): string {
  const { desired, kept, nowMs } = meant;
  const [target, before] = kept;
  const ago = (each: SafetySnapshots | undefined) => relative(each?.createdMs ?? 0, nowMs);
  const back = `${desired.service} goes back to what it was before the restore ${ago(target)}. What was written since is lost.`;
  const further =
    before === undefined
      ? null
      : `One more --undo after that goes back to what it was before the restore ${ago(before)}.`;
  return joined([back, further, ...heldToo(meant)]);
}

function joined(sentences: (string | null)[]): string {
  return sentences.filter((each) => each !== null).join(' ');
}
