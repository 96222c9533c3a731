import type { BorgOptions } from '../../tools/borg/call.ts';
import type { RestoreStep } from '../types.ts';
import { archivedBytes, mib } from './archived-size.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

type Find = Extract<RestoreStep, { op: 'borg-find' }>;

/** Before anything is stopped: the archive is there, has something at each of these paths, and fits. */
export async function findArchive(step: Find, options: BorgOptions, tool: ToolOptions): Promise<void> {
  try {
    await requireSpace(step, await archivedBytes(step, options), tool);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const { retryable } = error;
    throw new StepError(`${error.message}; nothing was stopped`, { retryable, cause: error.cause });
  }
}

/**
 * What is there now is kept, so that all of the archive must fit beside it. ZFS compresses about as well as it did
 * before: only where it would not fit even then is it clear that it does not.
 */
async function requireSpace({ archive, dataset }: Find, bytes: number, tool: ToolOptions): Promise<void> {
  const argv = ['zfs', 'get', '-Hp', '-o', 'value', 'available,refcompressratio', dataset];
  const options = { ...tool, env: { LC_ALL: 'C' } };
  const [available = '', ratio = ''] = (await callTool(argv, options)).trim().split('\n');
  const needed = bytes / Math.max(1, Number.parseFloat(ratio) || 1);
  if (!(Number(available) < needed)) return;
  const sizes = `it takes about ${mib(needed)}, and ${dataset} has ${mib(Number(available))}`;
  const way = 'steward snapshot list shows what snapshots take up, also those of earlier restores';
  throw new StepError(`${archive} does not fit beside what is there: ${sizes}; ${way}`);
}
