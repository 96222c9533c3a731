import type { SnapshottedDataset } from '../../observers/snapshots-parse.ts';
import { byHandProperty, taggedOf, whose } from '../snapshots/by-hand.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';
import { zfsSnapshot } from './zfs-snapshot.ts';

/** ZFS takes 8192 bytes as the value of a user property, its end included. */
const longestMark = 8191;

/** Takes `<dataset>@<tag>` of all of them at one instant, or of none, and marks them as taken by hand. */
export async function createByHand(
  datasets: readonly Pick<SnapshottedDataset, 'name' | 'guid'>[],
  tag: string,
  options: ToolOptions,
): Promise<void> {
  await zfsSnapshot(createArgv(datasets, tag), options);
}

/** The command that does it. Throws StepError where there are too many datasets for one call. */
export function createArgv(
  datasets: readonly Pick<SnapshottedDataset, 'name' | 'guid'>[],
  tag: string,
): string[] {
  const mark = datasets.map(({ guid }) => guid).join(',');
  if (mark.length > longestMark)
    throw new StepError(
      `${datasets.length} datasets are too many for one instant; take them service by service`,
      { retryable: false },
    );
  const names = datasets.map(({ name }) => `${name}@${tag}`);
  return ['zfs', 'snapshot', '-o', `${byHandProperty}=${mark}`, ...names];
}

/**
 * Destroys the snapshots of this tag that were taken by hand, one by one and never with what hangs on them. `found` is
 * what was seen just now. All are looked at before the first is destroyed. Returns the names of those that went.
 */
export async function destroyByHand(
  found: readonly SnapshottedDataset[],
  tag: string,
  options: ToolOptions,
): Promise<string[]> {
  const problem = destroyProblem(found, tag);
  if (problem !== null) throw new StepError(problem, { retryable: false });
  const names = found.flatMap((dataset) => taggedOf(dataset, tag)?.name ?? []);
  for (const name of names) await zfs(['zfs', 'destroy', name], options);
  return names;
}

/** A sentence why these snapshots stay; null where they may go. */
export function destroyProblem(found: readonly SnapshottedDataset[], tag: string): string | null {
  const tagged = found.flatMap((dataset) => {
    const snapshot = taggedOf(dataset, tag);
    return snapshot === undefined ? [] : [{ snapshot, owner: whose(snapshot, dataset.guid) }];
  });
  for (const { snapshot, owner } of tagged) {
    const { name, holds, clones } = snapshot;
    if (owner === 'backup')
      return `${name} is read by a backup, which destroys it itself; nothing was destroyed`;
    if (owner === 'other') return `${name} was not taken by steward; nothing was destroyed`;
    if (holds > 0) return `${name} is held (zfs holds ${name}); nothing was destroyed`;
    if (clones.length > 0) return `${clones.join(', ')} stands on ${name}; nothing was destroyed`;
  }
  return null;
}

async function zfs(argv: string[], options: ToolOptions): Promise<string> {
  return callTool(argv, { ...options, env: { LC_ALL: 'C' } });
}
