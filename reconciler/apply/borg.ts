import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import {
  commentsArgs,
  infoArgs,
  parseComments,
  parseListing,
  parseStats,
  type RepositoryListing,
  repositoryArgs,
  unfinishedBy,
} from '../../tools/borg/archives.ts';
import type { BorgOptions, BorgResult } from '../../tools/borg/call.ts';
import { callBorgAlone } from '../../tools/borg/stale-lock.ts';
import { BorgError } from '../../tools/borg/types.ts';
import { encryptionProblem } from '../backup/key-state.ts';
import type { KnownRepository } from '../backup/step-parts.ts';
import { byHandIn } from '../owners/comment.ts';
import type { BackupStep } from '../types.ts';
import { deleteArgv, initArgv } from './backup-argv.ts';
import { exchanged, gone } from './lost-repository.ts';
import { type ListedArchive, StepError, type StepFacts } from './types.ts';

type StepOf<Op extends BackupStep['op']> = Extract<BackupStep, { op: Op }>;

const noRepository = 13;
const notOne = 15;
const existsAlready = 10;

/** Opens the repository, and makes it where there is none. One with another encryption is taken and told. */
export async function initRepository(step: StepOf<'borg-init'>, options: BorgOptions): Promise<StepFacts> {
  const { repository } = step;
  const there = await listingOrNull(repository, options);
  const found = there === null ? await make(step, options) : await measured(there, repository, options);
  const heldBack = encryptionProblem(repository, found.encryption);
  return heldBack === null ? { repository: found } : { repository: found, heldBack };
}

/**
 * What only a state folder that was lost has known of a repository that is opened for the first time: how much is in its
 * newest archive, since what is pruned next waits for one that is as large, and which were made by hand. Without an
 * answer it goes on without.
 */
async function measured(
  found: RepositoryListing,
  repository: RepositoryRef,
  options: BorgOptions,
): Promise<RepositoryListing & { archives: ListedArchive[] }> {
  if (found.archives.length === 0) return found;
  const args = infoArgs('--last', '1', repository.location);
  const stats = await borg(args, repository, options)
    .then(({ stdout }) => parseStats(stdout))
    .catch(() => null);
  const comments = await borg(commentsArgs(repository.location), repository, options)
    .then(({ stdout }) => parseComments(stdout))
    .catch(() => new Map<string, string>());
  const archives = found.archives.map((archive) => ({
    ...archive,
    byHand: byHandIn(comments.get(archive.id) ?? ''),
    ...(stats?.name === archive.name && {
      size: { files: stats.files, originalBytes: stats.originalBytes },
    }),
  }));
  return { ...found, archives };
}

async function make(step: StepOf<'borg-init'>, options: BorgOptions): Promise<RepositoryListing> {
  const [, ...args] = initArgv(step);
  await borg(args, step.repository, options).catch((error: unknown) => {
    // Somebody else was faster.
    if (codeOf(error) !== existsAlready) throw error;
  });
  return await listing(step.repository, options);
}

/** Reads the manifest; statistics only of one that is not known yet, which is measured. */
export async function listRepository(step: StepOf<'borg-list'>, options: BorgOptions): Promise<StepFacts> {
  const { repository, known } = step;
  const found = await listingOfKnown(repository, known, options);
  return { repository: known === undefined ? await measured(found, repository, options) : found };
}

/** What is in it; one that was there before is neither made nor exchanged. Throws StepError. */
export async function listingOfKnown(
  repository: RepositoryRef,
  known: KnownRepository | undefined,
  options: BorgOptions,
): Promise<RepositoryListing> {
  if (known === undefined) return await listing(repository, options);
  const found = await listing(repository, options).catch((error: StepError) => {
    throw [noRepository, notOne].includes(codeOf(error) ?? 0) ? gone(known, error) : error;
  });
  if (found.id === known.borgId) return found;
  throw exchanged(repository.location, known.id);
}

/**
 * By name, in one call: what is not there is done, and Borg says so. What attempts that were cut off have left is told.
 */
export async function deleteArchives(step: StepOf<'borg-delete'>, options: BorgOptions): Promise<StepFacts> {
  const { repository, archives } = step;
  const [, command = '', ...targets] = deleteArgv(step, archives);
  const { warnings } = await borg([command, '--progress', ...targets], repository, options);
  const isThere = (name: string) => !warnings.some((said) => said.startsWith(`Archive ${name} not found`));
  const remnants = archives.filter((name) => unfinishedBy(name) !== null && isThere(name));
  if (remnants.length === 0) return {};
  return { notes: [`what attempts that were cut off had left was deleted: ${remnants.join(', ')}`] };
}

export async function compactRepository(
  { repository }: StepOf<'borg-compact'>,
  options: BorgOptions,
): Promise<StepFacts> {
  await borg(['compact', '--progress', repository.location], repository, options);
  return {};
}

/** What is in it. Throws StepError. */
export async function listing(repository: RepositoryRef, options: BorgOptions): Promise<RepositoryListing> {
  const { stdout } = await borg(repositoryArgs(repository.location), repository, options);
  return read(stdout, repository, parseListing);
}

async function listingOrNull(
  repository: RepositoryRef,
  options: BorgOptions,
): Promise<RepositoryListing | null> {
  return await listing(repository, options).catch((error: unknown) => {
    if (codeOf(error) === noRepository) return null;
    throw error;
  });
}

/** Exit code of the borg that failed; null where it was something else. */
export function codeOf(error: unknown): number | null {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof BorgError ? cause.exitCode : null;
}

/** What borg has printed of a repository: half of it is a failure of the step, too. */
export function read<T>(stdout: string, { location }: RepositoryRef, parse: (stdout: string) => T): T {
  try {
    return parse(stdout);
  } catch (error) {
    if (!(error instanceof BorgError)) throw error;
    throw new StepError(`${error.message} of ${location}`, { cause: error });
  }
}

/** A call of borg whose failure is a failure of the step. */
export async function borg(
  args: string[],
  repository: RepositoryRef,
  options: BorgOptions,
): Promise<BorgResult> {
  try {
    return await callBorgAlone(args, repository, options);
  } catch (error) {
    if (!(error instanceof BorgError)) throw error;
    throw new StepError(error.message, { retryable: error.retryable, cause: error });
  }
}
