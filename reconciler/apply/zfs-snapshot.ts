import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

/** Calls `zfs snapshot`. ZFS does not say of which pool it is "out of space"; all snapshots of one call are of one. */
export async function zfsSnapshot(
  argv: string[],
  { commands, timeoutMs, signal }: ToolOptions,
): Promise<void> {
  try {
    await callTool(argv, { commands, timeoutMs, signal, env: { LC_ALL: 'C' } });
  } catch (error) {
    if (!(error instanceof StepError && error.message.includes('out of space'))) throw error;
    const [pool = ''] = (argv.at(-1) ?? '').split(/[/@]/);
    const full = `there is no room for a snapshot: the pool ${pool} is full, or a quota on it is used up`;
    throw new StepError(`${full}; free some space there`, { cause: error });
  }
}
