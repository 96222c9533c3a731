import { commentArgs, parseComment } from '../../tools/borg/archives.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import type { RestoreStep } from '../types.ts';
import { borg, read } from './borg.ts';
import { StepError, type StepFacts } from './types.ts';

type Step = Extract<RestoreStep, { op: 'borg-comment' }>;

/** What the archive says of itself. Throws StepError where there is none of this name. */
export async function readComment({ repository, archive }: Step, options: BorgOptions): Promise<StepFacts> {
  const { location } = repository;
  const { stdout } = await borg(commentArgs(location, archive), repository, options);
  const comment = read(stdout, repository, (text) => parseComment(text, archive));
  if (comment !== null) return { comment };
  throw new StepError(`there is no archive ${archive} in ${location}`, { retryable: false });
}
