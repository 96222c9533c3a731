import { parseSnapshots, type SnapshottedDataset, snapshotProperties } from './snapshots-parse.ts';
import type { Observed } from './types.ts';
import { ask, type ZfsObserverOptions } from './zfs.ts';

/**
 * The datasets and their snapshots in one call, with these user properties. `get` and not `list`, since only `get`
 * prints sources, and one call instead of two, since what is seen must be of one moment. It costs some 5 ms a snapshot
 * on a slow machine: for a person who asks, not for every cycle. A dataset that is not there makes all unknown.
 */
export async function observeSnapshots(
  datasets: readonly string[],
  marks: readonly string[],
  options: ZfsObserverOptions,
): Promise<Observed<SnapshottedDataset[]>> {
  if (datasets.length === 0) return { known: true, value: [] };
  const properties = [...snapshotProperties, ...marks].join(',');
  const what = ['-Hp', '-d', '1', '-t', 'filesystem,snapshot', '-o', 'name,property,value,source'];
  try {
    const output = await ask(
      options.commands?.zfs ?? 'zfs',
      ['get', ...what, properties, ...datasets],
      options,
    );
    return { known: true, value: parseSnapshots(output, datasets) };
  } catch (error) {
    return { known: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Bytes written to the dataset since its snapshot `tag`. */
export async function observeWritten(
  dataset: string,
  tag: string,
  options: ZfsObserverOptions,
): Promise<Observed<number>> {
  const argv = ['get', '-Hpo', 'value', `written@${tag}`, dataset];
  try {
    const printed = (await ask(options.commands?.zfs ?? 'zfs', argv, options)).trim();
    const bytes = Number(printed);
    if (printed !== '' && Number.isFinite(bytes)) return { known: true, value: bytes };
    return { known: false, error: `zfs get printed ${JSON.stringify(printed)} for written@${tag}` };
  } catch (error) {
    return { known: false, error: error instanceof Error ? error.message : String(error) };
  }
}
