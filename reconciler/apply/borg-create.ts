import { mkdir } from 'node:fs/promises';
import { type ArchiveStats, infoArgs, parseStats } from '../../tools/borg/archives.ts';
import type { BorgOptions, BorgResult } from '../../tools/borg/call.ts';
import { contentOf } from '../owners/comment.ts';
import type { BorgCreate } from '../types.ts';
import { createArgs } from './backup-argv.ts';
import { borg, codeOf, read } from './borg.ts';
import { mountedArgv, mountRoot, notMounted } from './mounted.ts';
import type { Commands } from './tool.ts';
import { type ArchiveFacts, StepError, type StepFacts } from './types.ts';

export interface CreateOptions extends BorgOptions {
  runDir: string;
  commands: Pick<Commands, 'unshare' | 'mount'>;
}

const archiveExists = 30;

/** Uploads the snapshots as one archive. One of this name that an earlier attempt has made is not made again. */
export async function createArchive(step: BorgCreate, options: CreateOptions): Promise<StepFacts> {
  const { runDir, commands } = options;
  await mkdir(mountRoot(runDir, step.at), { recursive: true, mode: 0o700 });
  const wrap = (argv: string[]) => mountedArgv(step, runDir, argv, commands);
  try {
    const result = await borg(createArgs(step), step.repository, { ...options, wrap });
    return { archive: factsOf(result, step) };
  } catch (error) {
    if (codeOf(error) === archiveExists) return { archive: await earlierAttempt(step, options) };
    if (codeOf(error) !== notMounted) throw error;
    const message = `the snapshots of ${step.at} could not be mounted: ${(error as Error).message}`;
    throw new StepError(message.replace('borg failed: ', ''), { cause: error });
  }
}

/** Throws StepError where it went into a repository that somebody has put in the place of the one before. */
function factsOf({ exitCode, stdout, warnings, statuses }: BorgResult, step: BorgCreate): ArchiveFacts {
  const { comment: _comment, repositoryId, ...stats } = read(stdout, step.repository, parseStats);
  const { location } = step.repository;
  if (repositoryId !== null && step.repositoryId !== null && repositoryId !== step.repositoryId)
    throw new StepError(
      `the repository at ${location} is not the one that was there before; ${step.archive} was made in it all the same`,
    );
  const count = (letter: string) => statuses[letter] ?? 0;
  // A server's greeting is a warning too: only where borg itself says so is the archive in doubt.
  const doubts = exitCode === 0 ? [] : warnings;
  return { ...stats, filesRead: count('A') + count('M') + count('C'), warnings: doubts };
}

/**
 * Steward died after borg had written the archive and before it knew. It is there to be restored, but how borg ended
 * nobody has seen, so nothing may be deleted on its account. The comment tells it from one of another run.
 */
async function earlierAttempt(step: BorgCreate, options: BorgOptions): Promise<ArchiveFacts> {
  const { repository, archive } = step;
  const { stdout } = await borg(infoArgs(`${repository.location}::${archive}`), repository, options);
  const {
    comment,
    repositoryId: _repositoryId,
    ...stats
  }: ArchiveStats = read(stdout, repository, parseStats);
  if (contentOf(comment) !== contentOf(step.comment)) {
    throw new StepError(`an archive named ${archive} exists that this run has not made`, {
      retryable: false,
    });
  }
  const unseen = 'an earlier attempt made it, and was cut off before its end was seen';
  return { ...stats, filesRead: null, warnings: [unseen] };
}
