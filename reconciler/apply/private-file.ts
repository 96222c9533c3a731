import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { StepError } from './types.ts';

/** Files that are nobody else's to read, in a folder that is not either. */

export type Written = 'new' | 'unchanged' | 'replaced';

/** Made where it is missing. Throws StepError where others can look into it: it may be a share, or somebody's home. */
export async function privateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new StepError(`the folder ${folder} cannot be made (${cause.code ?? cause.message})`, { cause });
  });
  const { mode } = await stat(folder);
  if ((mode & 0o077) === 0) return;
  throw new StepError(
    `${folder} can be read by others than its owner; run chmod 700 ${folder}, or name a folder that is not there yet`,
  );
}

/**
 * The file holds exactly `text` afterwards, mode 0600, on the disk: or it is as it was before. What is right already
 * is left alone. Throws StepError.
 */
export async function writePrivate(file: string, text: string): Promise<Written> {
  const before = await readOrNull(file);
  if (before === text) {
    await chmod(file, 0o600);
    return 'unchanged';
  }
  const partial = path.join(path.dirname(file), `.${path.basename(file)}.partial`);
  try {
    await writeThrough(partial, text);
    await rename(partial, file);
    await syncFolder(path.dirname(file));
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {});
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new StepError(`${file} could not be written (${code ?? message})`, { cause });
  }
  return before === null ? 'new' : 'replaced';
}

/** Read again before it takes the place of what was there: a stick that lies is found out now. */
async function writeThrough(file: string, text: string): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if ((await readFile(file, 'utf8')) !== text) throw new Error('it does not hold what was written to it');
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readOrNull(file: string): Promise<string | null> {
  return await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw new StepError(`${file} cannot be read (${cause.code ?? cause.message})`, { cause });
  });
}
