import path from 'node:path';
import { type LoadOptions, loadDesiredState } from './load.ts';
import type { LoadResult } from './types.ts';

const noCommit = {
  id: '0'.repeat(40),
  subject: 'files as they are',
  branch: '',
  committedAt: '1970-01-01T00:00:00.000Z',
};

/** Reads a plain directory, committed or not, as `steward validate` does. The host's environment files are not
 * looked at unless a directory for them is named: a laptop does not have them. */
export function validateDirectory(
  directory: string,
  options: Pick<LoadOptions, 'compose'> & Partial<LoadOptions>,
): Promise<LoadResult> {
  const root = path.resolve(directory);
  return loadDesiredState({
    hostEnvDir: null,
    ...options,
    root,
    as: options.as ?? root,
    commit: options.commit ?? noCommit,
  });
}
