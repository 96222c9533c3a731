import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { instant } from '../backup/names.ts';
import type { MountGuard } from '../types.ts';
import { taggedOf, whose } from './by-hand.ts';

/**
 * A service's files back to what a snapshot holds, as plain data. Not by `zfs rollback`: that destroys every snapshot
 * newer than its target, and so the very copy that would make it undoable (docs/decisions/0013-rollback.md). Instead a
 * safety snapshot is taken and the files are copied back; going back to the safety snapshot undoes it. Pure.
 */

export type RollbackStep =
  | { op: 'snapshot-by-hand'; datasets: { name: string; guid: string }[]; tag: string }
  /** The files of one dataset become those of its snapshot; datasets mounted below it are not touched. */
  | { op: 'files-restore'; service: string; snapshot: string; safety: string; guard: MountGuard };

/** What happens while the service is quiesced, in this order; each step may be run again. */
export function rollbackSteps(
  service: string,
  found: readonly SnapshottedDataset[],
  tag: string,
  safetyTag: string,
): RollbackStep[] {
  const datasets = found.map(({ name, guid }) => ({ name, guid }));
  return [
    { op: 'snapshot-by-hand', datasets, tag: safetyTag },
    ...found.map(({ name, mountpoint }): RollbackStep => {
      const [snapshot, safety] = [`${name}@${tag}`, `${name}@${safetyTag}`];
      return { op: 'files-restore', service, snapshot, safety, guard: { dataset: name, mountpoint } };
    }),
  ];
}

export function safetyTagAt(nowMs: number): string {
  return `before-rollback-${instant(nowMs)}`;
}

/** A sentence why the datasets cannot go back to this tag; null where they can. */
export function rollbackProblem(found: readonly SnapshottedDataset[], tag: string): string | null {
  const instants = new Set<string>();
  for (const dataset of found) {
    const { name, mounted, mountpoint } = dataset;
    const snapshot = taggedOf(dataset, tag);
    if (snapshot === undefined) return `there is no ${name}@${tag}, so not all of the service could go back`;
    if (whose(snapshot, dataset.guid) === 'backup')
      return `${name}@${tag} is read by a backup and goes when that ends`;
    if (!mounted || !mountpoint.startsWith('/'))
      return `${name} is not mounted, so its files cannot be brought back`;
    instants.add(snapshot.createdTxg);
  }
  return instants.size > 1 ? `the snapshots called ${tag} were not taken at one instant` : null;
}
