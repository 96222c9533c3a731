import { readFile } from 'node:fs/promises';
import { environmentValues } from '../../desired-state/compose/sources.ts';
import { blotValues } from '../../tools/secrets/blot.ts';
import { openFile, type SecretBox } from '../../tools/secrets/box.ts';
import { type PrivateMemory, withPrivateFiles } from '../../tools/secrets/env-files.ts';
import { SecretError } from '../../tools/secrets/error.ts';
import type { StackRef } from '../types.ts';
import { StepError } from './types.ts';

/** What a call of compose needs to read the encrypted files of a stack. */
export interface SecretOptions {
  secrets: SecretBox;
  memory: PrivateMemory;
}

type Blot = (text: string) => string;

/**
 * Opens the encrypted files of a stack for one call of compose: `files` are plain, in memory, and gone afterwards. No
 * value of any environment file of the stack is in the message of what it throws. Throws StepError.
 */
export async function withSecrets<T>(
  stack: StackRef,
  { secrets, memory }: SecretOptions,
  action: (files: string[], blot: Blot) => Promise<T>,
): Promise<T> {
  let blot: Blot = (text) => text;
  try {
    const texts = await Promise.all((stack.encrypted ?? []).map((file) => openFile(secrets, file)));
    blot = await blotter(stack, texts);
    return await withPrivateFiles(texts, memory, (files) => action(files, blot));
  } catch (error) {
    throw blotted(error, blot);
  }
}

/** The same error without values, also without the causes that hold what a tool has printed. */
export function blotted(error: unknown, blot: Blot): unknown {
  if (error instanceof SecretError) return new StepError(error.message);
  if (!(error instanceof StepError)) return error;
  const message = blot(error.message);
  if (message === error.message) return error;
  return new StepError(message, { retryable: error.retryable });
}

async function blotter({ project, directory, envFiles }: StackRef, opened: string[]): Promise<Blot> {
  const read = await Promise.all(envFiles.map((file) => valuesOf(file, file.startsWith(`${directory}/`))));
  const values = [...opened.flatMap(environmentValues), ...read.flat()];
  return (text) => blotValues(text, values, (word) => word.startsWith(`${project}-`));
}

/**
 * Where data lies is no secret, and an error that does not say it helps nobody. Nor are short ones that Git has in plain,
 * and they would blot out half of it.
 */
async function valuesOf(file: string, isInGit: boolean): Promise<string[]> {
  const values = environmentValues(await readFile(file, 'utf8').catch(() => ''));
  return values.filter((value) => !value.startsWith('/') && (!isInGit || value.length > 3));
}
