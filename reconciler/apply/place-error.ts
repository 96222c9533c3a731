import { StepError } from './types.ts';

const meanings: Record<string, string> = {
  ENOENT: 'does not exist',
  ELOOP: 'is or goes through a symbolic link, which is not followed',
  ENOTDIR: 'is or goes through something that is not a directory, such as a symbolic link',
  EPERM:
    'may not be changed: it or its folder is immutable or append-only; chattr -R -i -a on that folder takes it away',
  EROFS: 'is on a file system that is mounted read-only',
  ENOSPC: 'could not be written: no space left',
  EDQUOT: 'could not be written: the quota is used up',
};

/** What the file system refused at a path, in words. A StepError is handed on. */
export function placeError(error: unknown, wanted: string): StepError {
  if (error instanceof StepError) return error;
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (name === 'AbortError' || name === 'TimeoutError') {
    return new StepError(`${wanted}: the change of owner was not finished in time`, { cause: error });
  }
  return new StepError(`${wanted} ${meanings[code ?? ''] ?? `could not be changed: ${message}`}`, {
    cause: error,
  });
}
