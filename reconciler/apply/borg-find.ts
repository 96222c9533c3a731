import { parseStats } from '../../tools/borg/archives.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import type { RestoreStep } from '../types.ts';
import { borg } from './borg.ts';
import { findArgv } from './restore-argv.ts';
import { callTool, type ToolOptions } from './tool.ts';
import { StepError } from './types.ts';

type Find = Extract<RestoreStep, { op: 'borg-find' }>;

/** Before anything is stopped: the archive is there, has something at these paths, and fits. */
export async function findArchive(step: Find, options: BorgOptions, tool: ToolOptions): Promise<void> {
  const [, ...args] = findArgv(step);
  let entries = 0;
  const onLine = () => {
    entries += 1;
  };
  const more = step.paths.length === 0 ? {} : { onLine };
  const { stdout } = await borg(args, step.repository, { ...options, ...more });
  if (step.paths.length === 0) return requireSpace(step, parseStats(stdout).originalBytes, tool);
  if (entries > 0) return;
  const what = step.paths.join(', ');
  throw new StepError(`${step.archive} has nothing at ${what}; nothing was stopped`, { retryable: false });
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
  const mib = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`;
  throw new StepError(
    `${archive} does not fit beside what is there: it takes about ${mib(needed)}, and ${dataset} has ${mib(Number(available))}; nothing was stopped`,
  );
}
