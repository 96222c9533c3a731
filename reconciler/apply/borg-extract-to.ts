import { mkdir, opendir, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { BorgOptions } from '../../tools/borg/call.ts';
import type { BorgExtractTo } from '../types.ts';
import { archivedSize, isFarFrom, mib } from './archived-size.ts';
import { borg } from './borg.ts';
import { standingAt } from './borg-extract.ts';
import { watchExtraction } from './extract-failure.ts';
import { extractArgv } from './restore-argv.ts';
import { StepError } from './types.ts';

/**
 * Into a folder that is new or empty, which only root may enter: what the archive holds is somebody's data. What a
 * failure leaves there stays, and is said: it may be what the person is after.
 */
export async function extractTo(step: BorgExtractTo, options: BorgOptions): Promise<void> {
  const { repository, archive, folder } = step;
  await prepare(folder);
  await requireSpace(step, options);
  const [, ...args] = extractArgv(step);
  const wrap = (argv: string[]) => standingAt(folder, argv);
  const watch = watchExtraction(archive);
  const given = { ...options, wrap, onWarning: (message: string) => watch.onWarning(message) };
  const { exitCode, warnings } = await borg(args, repository, given).catch((error: Error) => {
    throw new StepError(`${error.message}; what was extracted until then is in ${folder}`, { cause: error });
  });
  if (exitCode === 0) return;
  const what = warnings.slice(0, 3).join('; ');
  throw new StepError(`borg could not extract all of ${archive}: ${what}; the rest is in ${folder}`);
}

async function prepare(folder: string): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw new StepError(`${folder} cannot be made: ${error.message}`);
  });
  const entries = await opendir(folder).catch((error: Error) => {
    throw new StepError(`${folder} cannot be used: ${error.message}`);
  });
  for await (const { name } of entries)
    throw new StepError(`${folder} is not empty (${name}); give a new folder`, { retryable: false });
}

async function requireSpace(step: BorgExtractTo, options: BorgOptions): Promise<void> {
  const { compressed } = await archivedSize(step, options);
  const { bavail, bsize } = await statfs(step.folder);
  if (!isFarFrom(compressed, bavail * bsize)) return;
  const free = `${step.folder} has ${mib(bavail * bsize)} free`;
  throw new StepError(`${step.archive} does not fit: it takes about ${mib(compressed)}, and ${free}`);
}
