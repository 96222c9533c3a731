import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CommitInfo } from '../types.ts';
import { explainFile } from './sentence.ts';

/** What was fetched last, from where. Readable also when the object store is not. */
export interface Head {
  /** URL and ref, without secrets: another source's commit is not ours. */
  source: string;
  commit: CommitInfo;
}

/**
 * Makes the directories. Containers under userns-remap (uid 100000 and up) read out of checkout/: it and all parents
 * need `o+x`, so the state directory is made 0711 (one that exists keeps its mode), and what is ours alone is 0700.
 */
export async function prepare(stateDir: string, configFile: string, config: string): Promise<void> {
  try {
    const made = await mkdir(stateDir, { recursive: true });
    if (made !== undefined) await makePassable(made, stateDir);
    await privateDirectory(path.join(stateDir, 'staging'));
    const old = await readFile(configFile, 'utf8').catch(() => null);
    if (old !== config) await writeDurably(configFile, config);
  } catch (error) {
    throw explainFile(error, stateDir);
  }
}

/** From the first directory that was made down to the state directory, whatever the umask. */
async function makePassable(made: string, stateDir: string): Promise<void> {
  for (let at = stateDir; at.startsWith(made); at = path.dirname(at)) await chmod(at, 0o711);
}

async function privateDirectory(directory: string): Promise<void> {
  // Not `recursive`: on a read-only file system that reports ENOENT.
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await chmod(directory, 0o700);
}

export async function readHead(file: string): Promise<Head | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    const head = JSON.parse(text) as Head;
    return isCommitId(head.commit.id) ? head : null;
  } catch {
    return null;
  }
}

/** The whole new content or the whole old one, also after a power cut. */
export async function writeDurably(file: string, content: string): Promise<void> {
  try {
    const fresh = `${file}.new`;
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
    await syncDirectory(path.dirname(file));
  } catch (error) {
    throw explainFile(error, file);
  }
}

/** Gone for good before what comes next. */
export async function removeDurably(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncDirectory(path.dirname(file));
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A full SHA-1 (or SHA-256) and nothing that git could take for an option. */
export function isCommitId(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}
