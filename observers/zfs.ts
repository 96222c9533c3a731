import { run, ToolError } from '../tools/run.ts';
import type { Observed, ObservedZfs } from './types.ts';
import { parseDatasets, parseFullPools, parsePools } from './zfs-parse.ts';

export interface ZfsObserverOptions {
  /** Default `zfs` and `zpool`. */
  commands?: { zfs?: string; zpool?: string } | undefined;
  /** For each of the two calls. Default 30 s. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** `get` and not `list`: only `get` prints sources, and the kernel hands over all properties of a dataset at once. */
const datasetsArgv = ['get', '-Hp', '-t', 'filesystem', '-o', 'name,property,value,source', 'all'];
const poolsArgv = ['list', '-Hpo', 'name,health'];

/** Pools and file systems in one call each, whatever their number. Unknown when either tool did not answer well. */
export async function observeZfs(options: ZfsObserverOptions): Promise<Observed<ObservedZfs>> {
  try {
    const [pools, datasets] = await Promise.all([
      ask(options.commands?.zpool ?? 'zpool', poolsArgv, options),
      ask(options.commands?.zfs ?? 'zfs', datasetsArgv, options),
    ]);
    const fullPools = parseFullPools(datasets);
    return { known: true, value: { pools: parsePools(pools), fullPools, datasets: parseDatasets(datasets) } };
  } catch (error) {
    return { known: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** What a tool printed. Output of a failed call is not used, not even in part: what is missing in it would look absent. */
export async function ask(command: string, argv: string[], options: ZfsObserverOptions): Promise<string> {
  const result = await run(command, argv, {
    timeoutMs: options.timeoutMs ?? 30_000,
    env: { LC_ALL: 'C' },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (result.exitCode === 0) return result.stdout;
  // The first line names the fault; what follows is advice ("Try running 'modprobe zfs' …").
  const said = result.stderr.trim().split('\n')[0] || 'no reason given';
  throw new ToolError(command, `${command} failed: ${said}`, { retryable: true });
}
