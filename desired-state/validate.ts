import { statSync } from 'node:fs';
import path from 'node:path';
import { type LoadOptions, loadDesiredState } from './load.ts';
import { errorAt } from './problems.ts';
import type { LoadResult } from './types.ts';

const noCommit = {
  id: '0'.repeat(40),
  subject: 'files as they are',
  branch: '',
  committedAt: '1970-01-01T00:00:00.000Z',
};

/**
 * Reads a plain directory, committed or not, as `steward validate` does. The host's environment files are not
 * looked at unless a directory for them is named: a laptop does not have them. Throws ToolError of the reader.
 */
export async function validateDirectory(
  directory: string,
  options: Pick<LoadOptions, 'compose'> & Partial<LoadOptions>,
): Promise<LoadResult> {
  const root = path.resolve(directory);
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    const at = { file: directory, line: 1, column: 1 };
    return {
      ok: false,
      problems: [errorAt(at, `there is no directory ${root}`, 'name a config repository')],
    };
  }
  return loadDesiredState({ hostEnvDir: null, commit: noCommit, ...options, root, as: options.as ?? root });
}
