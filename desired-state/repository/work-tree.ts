import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Git } from './git.ts';
import { RepositoryError } from './types.ts';

/** A directory with an index of its own, filled from the bare store. */
export interface WorkTree {
  directory: string;
  /**
   * Makes every tracked file as the commit has it. Files that agree already and folders that stay keep their inodes;
   * what Git does not know is left alone. Ended anywhere in between, the next call converges. Returns the tracked files
   * that differ all the same.
   */
  become(commitId: string): Promise<string[]>;
  /** Removes what Git does not know. */
  clean(): Promise<void>;
  /** Tracked files that differ from the commit in content, kind or executable bit. Empty: it is that commit. */
  drifted(commitId: string): Promise<string[]>;
}

export function workTree(git: Git, gitDir: string, directory: string, indexFile: string): WorkTree {
  const call = { gitDir, workTree: directory, indexFile, where: directory };
  const tree: WorkTree = {
    directory,
    become: async (commitId) => {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      await chmod(directory, 0o755);
      // No second Steward works here (the state directory is locked): this is left over from a killed one.
      await rm(`${indexFile}.lock`, { force: true });
      const entries = parseEntries(await git(['ls-tree', '-r', '-z', '--full-tree', commitId, '--'], call));
      await refuseToBury(git, call, entries);
      await readTree(git, call, commitId);
      await mend(git, call, entries);
      if ((await tree.drifted(commitId)).length === 0) return [];
      await overwrite(git, call);
      await mend(git, call, entries);
      return tree.drifted(commitId);
    },
    clean: async () => {
      await git(['clean', '-ffdxq'], call);
    },
    drifted: async (commitId) => {
      // `git diff` and not `diff-index`: it looks into a file that was merely touched before it names it.
      const args = ['--name-only', '--no-renames', '--no-ext-diff', '--no-textconv', '-z', commitId, '--'];
      return (await git(['diff', ...args], call)).split('\0').filter((name) => name !== '');
    },
  };
  return tree;
}

type Call = NonNullable<Parameters<Git>[1]>;

/** The old index tells which files of the former commit have to go. Without a readable one they stay, untracked. */
async function readTree(git: Git, call: Call, commitId: string): Promise<void> {
  const args = ['read-tree', '--reset', '-u', commitId];
  await git(args, call).catch(async () => {
    await rm(call.indexFile ?? '', { force: true });
    await git(['read-tree', commitId], call);
  });
}

/** What somebody edited, removed or put in the way; reading the tree leaves alone what it takes for unchanged. */
async function overwrite(git: Git, call: Call): Promise<void> {
  await refreshIndex(git, call);
  await git(['checkout-index', '--force', '--index', '--all', '--quiet'], call);
}

interface Entry {
  mode: string;
  file: string;
}

function parseEntries(printed: string): Entry[] {
  return [...printed.matchAll(/(\d{6}) \w+ [0-9a-f]+\t([^\0]+)\0/g)].map((match) => ({
    mode: match[1] ?? '',
    file: match[2] ?? '',
  }));
}

/** Where the commit wants a file and a folder stands with files that Git does not know: they may be data. */
async function refuseToBury(git: Git, call: Call, entries: Entry[]): Promise<void> {
  const root = call.workTree ?? '';
  const buried: string[] = [];
  for (const { mode, file } of entries) {
    if (mode === '160000') continue;
    if ((await stat(path.join(root, file)))?.isDirectory()) buried.push(file);
  }
  if (buried.length === 0) return;
  const known = await git(['ls-files', '-z'], call).catch(() => '');
  const tracked = new Set(known.split('\0'));
  for (const file of buried) {
    const stranger = (await filesBelow(root, file)).find((name) => !tracked.has(name));
    if (stranger === undefined) continue;
    const message = `${path.join(root, file)} becomes a file, but ${stranger} in that folder is not in Git; move it away`;
    throw new RepositoryError(message, { retryable: false });
  }
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const found = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => !entry.isDirectory());
  return files.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

/** Git leaves reading permissions to the umask; containers (uid 100000 and up) must be able to read. */
async function mend(git: Git, call: Call, entries: Entry[]): Promise<void> {
  if (await mendModes(call.workTree ?? '', entries)) await refreshIndex(git, call);
}

/** Takes note of new times of the same content. Says which files are stale by exit code 1: no news here. */
async function refreshIndex(git: Git, call: Call): Promise<void> {
  await git(['update-index', '-q', '--refresh'], call).catch(() => {});
}

async function mendModes(root: string, entries: Entry[]): Promise<boolean> {
  let mended = false;
  const folders = new Set<string>();
  for (const { mode, file } of entries) {
    for (let up = path.dirname(file); up !== '.'; up = path.dirname(up)) folders.add(up);
    const wanted = mode === '100755' ? 0o755 : 0o644;
    if (mode.startsWith('100') && (await mendMode(path.join(root, file), wanted))) mended = true;
  }
  for (const folder of folders) await mendMode(path.join(root, folder), 0o755);
  return mended;
}

async function mendMode(file: string, wanted: number): Promise<boolean> {
  const found = await stat(file);
  if (found === null || found.isSymbolicLink() || (found.mode & 0o777) === wanted) return false;
  await chmod(file, wanted);
  return true;
}

async function stat(file: string) {
  return lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
}
