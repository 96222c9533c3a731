import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { runProperty, tagOf } from '../snapshots/by-hand.ts';
import { isRestoreRun } from './names.ts';

/** Which snapshots restores have kept, and whether one can be gone back to. Pure. */

/** Of one restore: one snapshot a dataset. */
export interface SafetySnapshots {
  run: string;
  tag: string;
  snapshots: string[];
  createdMs: number;
}

/**
 * Newest first, in the order in which ZFS took them: a clock may have been ahead. Only what carries the mark of a
 * restore, set locally.
 */
export function safetySnapshots(found: readonly SnapshottedDataset[]): SafetySnapshots[] {
  const own = found
    .flatMap(({ snapshots }) => snapshots)
    .flatMap((snapshot) => {
      const mark = snapshot.marks[runProperty];
      return mark?.source === 'local' && isRestoreRun(mark.value) ? [{ run: mark.value, ...snapshot }] : [];
    })
    .sort((a, b) => Number(b.createdTxg) - Number(a.createdTxg));
  return [...Map.groupBy(own, ({ run }) => run)].map(([run, parts]) => ({
    run,
    tag: tagOf(parts[0]?.name ?? ''),
    snapshots: parts.map(({ name }) => name),
    createdMs: Math.min(...parts.map(({ createdMs }) => createdMs)),
  }));
}

/** Why the datasets of a service cannot go back to these, and what can be done instead; null where they can. */
export function undoProblem(
  service: string,
  found: readonly SnapshottedDataset[],
  target: SafetySnapshots,
): string | null {
  const { tag } = target;
  const hasIt = ({ name }: SnapshottedDataset) => target.snapshots.includes(`${name}@${tag}`);
  const lacking = found.find((dataset) => !hasIt(dataset));
  if (lacking !== undefined) {
    const places = found.filter(hasIt).map(({ mountpoint }) => `${mountpoint}/.zfs/snapshot/${tag}`);
    return `the restore has kept no ${lacking.name}@${tag}, so not all of the service could go back; nothing was done. The files of the others are in ${places.join(', ')}`;
  }
  for (const dataset of found) {
    if (!dataset.mounted) return `${dataset.name} is not mounted; nothing was done`;
    const newer = newerThan(dataset, tag);
    if (newer.length === 0) continue;
    const [are, them] = newer.length === 1 ? ['is', 'it'] : ['are', 'them'];
    const why = `${newer.join(', ')} ${are} newer than ${dataset.name}@${tag}, and going back would destroy ${them}`;
    return `${why}; nothing was done. steward snapshot rollback ${service} ${tag} copies the files back instead`;
  }
  return null;
}

function newerThan({ name, snapshots }: SnapshottedDataset, tag: string): string[] {
  const at = snapshots.findIndex((snapshot) => snapshot.name === `${name}@${tag}`);
  return snapshots.slice(at + 1).map((snapshot) => snapshot.name);
}
