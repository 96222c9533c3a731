import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { RepositoryRef } from '../../desired-state/backup-parts.ts';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { borg, codeOf } from './borg.ts';
import { StepError } from './types.ts';

/** Borg's modern codes: the key file is missing, or the repository has lost its key. */
const withoutKey = new Set([42, 44]);
/** Not taken for a key of this repository: damaged, or of another one. */
const notItsKey = new Set([40, 41, 43, 45]);

/** Whether a call failed for want of a key. */
export function lacksKey(error: unknown): boolean {
  return withoutKey.has(codeOf(error) ?? 0);
}

/**
 * Gives a repository its key back, out of a folder that `steward keys export` has written: every `.key` file is offered,
 * those with its name first, until Borg takes one as its own. Returns its path. For who holds Steward's lock of the
 * repository. Throws StepError where none is.
 */
export async function importKey(
  repository: RepositoryRef,
  folder: string,
  options: BorgOptions,
): Promise<string> {
  const { location } = repository;
  const all = await readdir(folder).catch((error: Error) => {
    throw new StepError(`the keys in ${folder} cannot be read: ${error.message}`);
  });
  const own = location.split('/').pop() ?? '';
  const files = all.filter((name) => name.endsWith('.key'));
  const inOrder = [...files].sort((a, b) => Number(b.startsWith(own)) - Number(a.startsWith(own)));
  for (const name of inOrder) {
    const file = path.join(folder, name);
    try {
      await borg(['key', 'import', location, file], repository, options);
      return file;
    } catch (error) {
      if (!notItsKey.has(codeOf(error) ?? 0)) throw error;
    }
  }
  throw new StepError(`none of the ${files.length} keys in ${folder} is that of ${location}`);
}
