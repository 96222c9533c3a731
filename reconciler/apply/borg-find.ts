import type { BorgOptions } from '../../tools/borg/call.ts';
import type { RestoreStep } from '../types.ts';
import { type ArchivedSize, archivedSize, isFarFrom, mib } from './archived-size.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

type Find = Extract<RestoreStep, { op: 'borg-find' }>;

/** Before anything is stopped: the archive is there, has something at each of these paths, and fits. */
export async function findArchive(step: Find, options: BorgOptions, tool: ToolOptions): Promise<void> {
  try {
    await requireSpace(step, await archivedSize(step, options), tool);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const { retryable } = error;
    throw new StepError(`${error.message}; nothing was stopped`, { retryable, cause: error.cause });
  }
}

/**
 * What is there now is kept, so that all of the archive must fit beside it; in a recovery, what is left of an earlier
 * attempt goes first. What ZFS has made of the data that is there, or of its snapshots, is the best that is known.
 */
async function requireSpace(step: Find, size: ArchivedSize, tool: ToolOptions): Promise<void> {
  const { archive, dataset } = step;
  const { room, ratio } = await roomIn(step, tool);
  const needed = Math.min(size.original / ratio, size.compressed);
  if (!isFarFrom(needed, room)) return;
  const sizes = `it takes about ${mib(needed)}, and ${dataset} has ${mib(room)}`;
  const way = 'steward snapshot list shows what snapshots take up, also those of earlier restores';
  throw new StepError(`${archive} does not fit beside what is there: ${sizes}; ${way}`);
}

const properties = 'available,used,quota,refquota,refcompressratio,compressratio';

async function roomIn({ dataset, anew }: Find, tool: ToolOptions): Promise<{ room: number; ratio: number }> {
  const read = await propertiesOf(dataset, properties, tool);
  const [available = 0, used = 0, quota = 0, refquota = 0, ...ratios] = read;
  const ratio = Math.max(1, ...ratios.filter((each) => !Number.isNaN(each)));
  const free = refquota === 0 ? available : Math.min(await roomAbove(dataset, tool), leftOf(quota, used));
  return { room: Math.max(available, free) + (anew ? used : 0), ratio };
}

function leftOf(quota: number, used: number): number {
  return quota === 0 ? Number.POSITIVE_INFINITY : quota - used;
}

/** A quota of what is referenced counts what goes for a restore, and nothing of the snapshot that keeps it. */
async function roomAbove(dataset: string, tool: ToolOptions): Promise<number> {
  const above = dataset.slice(0, Math.max(0, dataset.lastIndexOf('/')));
  if (above === '') return Number.POSITIVE_INFINITY;
  return (await propertiesOf(above, 'available', tool))[0] ?? 0;
}

async function propertiesOf(dataset: string, names: string, tool: ToolOptions): Promise<number[]> {
  const argv = ['zfs', 'get', '-Hp', '-o', 'value', names, dataset];
  const values = await callTool(argv, { ...tool, env: { LC_ALL: 'C' } });
  return values.trim().split('\n').map(Number.parseFloat);
}
