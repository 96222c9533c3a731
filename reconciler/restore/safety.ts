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

/** Newest first. Only what carries the mark of a restore, set locally. */
export function safetySnapshots(found: readonly SnapshottedDataset[]): SafetySnapshots[] {
  const own = found
    .flatMap(({ snapshots }) => snapshots)
    .flatMap((snapshot) => {
      const mark = snapshot.marks[runProperty];
      return mark?.source === 'local' && isRestoreRun(mark.value) ? [{ run: mark.value, ...snapshot }] : [];
    });
  const runs = [...Map.groupBy(own, ({ run }) => run)].map(([run, parts]) => ({
    run,
    tag: tagOf(parts[0]?.name ?? ''),
    snapshots: parts.map(({ name }) => name),
    createdMs: Math.min(...parts.map(({ createdMs }) => createdMs)),
  }));
  return runs.sort((a, b) => b.createdMs - a.createdMs);
}

/** A sentence why the datasets cannot go back to these; null where they can. */
export function undoProblem(found: readonly SnapshottedDataset[], target: SafetySnapshots): string | null {
  for (const { name, mounted, snapshots } of found) {
    const own = snapshots.findIndex((snapshot) => target.snapshots.includes(snapshot.name));
    if (own < 0) return `there is no ${name}@${target.tag}, so not all of the service could go back`;
    if (!mounted) return `${name} is not mounted`;
    const newer = snapshots.slice(own + 1).map((snapshot) => snapshot.name);
    if (newer.length > 0)
      return `${newer.join(', ')} ${newer.length === 1 ? 'is' : 'are'} newer than ${name}@${target.tag}, and going back would destroy ${newer.length === 1 ? 'it' : 'them'}`;
  }
  return null;
}
