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

/** A service, and all its datasets that Steward knows: also those that Git declares no more. */
export interface Known {
  service: string;
  datasets: readonly string[];
}

/**
 * Why the datasets of a service cannot go back to these, and what can be done instead; null where they can. `found`: its
 * datasets that Git declares, as they are now.
 */
export function undoProblem(
  { service, datasets }: Known,
  found: readonly SnapshottedDataset[],
  target: SafetySnapshots,
): string | null {
  const { tag } = target;
  const hasIt = (dataset: string) => target.snapshots.includes(`${dataset}@${tag}`);
  const places = found
    .filter(({ name }) => hasIt(name))
    .map(({ mountpoint }) => `${mountpoint}/.zfs/snapshot/${tag}`)
    .join(', ');
  const lacking = found.find(({ name }) => !hasIt(name));
  if (lacking !== undefined)
    return `the restore has kept no ${lacking.name}@${tag}, so not all of the service could go back; nothing was done. The files of the others are in ${places}`;
  // A rollback wants the snapshot in every dataset that is known.
  const instead = datasets.every(hasIt)
    ? `steward snapshot rollback ${service} ${tag} copies the files back instead`
    : `The files are in ${places}`;
  for (const dataset of found) {
    if (!dataset.mounted) return `${dataset.name} is not mounted; nothing was done`;
    const newer = newerThan(dataset, tag);
    if (newer.length === 0) continue;
    const [are, them] = newer.length === 1 ? ['is', 'it'] : ['are', 'them'];
    return `${newer.join(', ')} ${are} newer than ${dataset.name}@${tag}, and going back would destroy ${them}; nothing was done. ${instead}`;
  }
  return null;
}

function newerThan({ name, snapshots }: SnapshottedDataset, tag: string): string[] {
  const at = snapshots.findIndex((snapshot) => snapshot.name === `${name}@${tag}`);
  return snapshots.slice(at + 1).map((snapshot) => snapshot.name);
}
