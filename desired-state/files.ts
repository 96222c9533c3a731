import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { digest, digestValue } from '../tools/digest.ts';

/** What may be hashed for one mount, build context or service folder. */
export const treeBounds = { files: 2_000, bytes: 16 * 1024 * 1024 } as const;

export interface FileContent {
  bytes: Uint8Array;
  /** SHA-256 of the bytes; `+x` behind it for an executable. */
  digest: string;
}

export type PathState = 'file' | 'directory' | 'absent' | 'outside' | 'special';

export interface Entry {
  name: string;
  directory: boolean;
}

/** True for what a tree leaves out; of a directory, all that is below it. */
export type Skip = (file: string, directory: boolean) => boolean;

export type TreeResult =
  /** Repository path -> digest, sorted. */
  { ok: true; files: Record<string, string> } | { ok: false; reason: 'too-large' | 'outside'; path: string };

/**
 * The config repository as far as it may be read: every path is relative to its root, and what a symbolic link
 * or `..` would reach outside is `outside` and never opened. Each file is read once for the life of this object.
 */
export interface RepositoryFiles {
  state(file: string): Promise<PathState>;
  /** Null for what is no readable regular file inside, or larger than `treeBounds.bytes`. */
  read(file: string): Promise<FileContent | null>;
  /** Sorted by name; empty where there is no such folder. */
  list(folder: string): Promise<Entry[]>;
  /** All files below a file or folder that `skip` does not name. `.git` is never part of it. */
  tree(start: string, skip?: Skip): Promise<TreeResult>;
}

export function repositoryFiles(root: string): RepositoryFiles {
  const realRoot = realpath(root);
  const contents = new Map<string, Promise<FileContent | null>>();
  const files: RepositoryFiles = {
    state: async (file) => stateOf(await realRoot, file),
    read: (file) => {
      const key = path.posix.normalize(file);
      const known = contents.get(key) ?? realRoot.then((real) => readInside(real, key));
      contents.set(key, known);
      return known;
    },
    list: async (folder) => listFolder(await realRoot, folder),
    tree: async (start, skip) => readTree(files, start, skip ?? (() => false)),
  };
  return files;
}

/** The real path of what `file` names, or why it may not be read. */
async function inside(realRoot: string, file: string): Promise<string | 'absent' | 'outside'> {
  const joined = path.join(realRoot, file);
  if (!isBelow(joined, realRoot)) return 'outside';
  try {
    const real = await realpath(joined);
    return isBelow(real, realRoot) ? real : 'outside';
  } catch (error) {
    // A link to nothing: whether its target is ours cannot be told, so it counts as leaving.
    const link = await lstat(joined).catch(() => null);
    if (link?.isSymbolicLink()) return 'outside';
    if (isAbsence(error)) return 'absent';
    throw error;
  }
}

export function isBelow(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '');
}

async function stateOf(realRoot: string, file: string): Promise<PathState> {
  const real = await inside(realRoot, file);
  if (real === 'absent' || real === 'outside') return real;
  const stats = await lstat(real);
  if (stats.isFile()) return 'file';
  return stats.isDirectory() ? 'directory' : 'special';
}

async function readInside(realRoot: string, file: string): Promise<FileContent | null> {
  if ((await stateOf(realRoot, file)) !== 'file') return null;
  const handle = await open(path.join(realRoot, file), 'r');
  try {
    return await readHandle(handle);
  } finally {
    await handle.close();
  }
}

async function readHandle(handle: FileHandle): Promise<FileContent | null> {
  const stats = await handle.stat();
  if (stats.size > treeBounds.bytes) return null;
  const bytes = await handle.readFile();
  return { bytes, digest: `${digest(bytes)}${stats.mode & 0o100 ? '+x' : ''}` };
}

async function listFolder(realRoot: string, folder: string): Promise<Entry[]> {
  const real = await inside(realRoot, folder);
  if (real === 'absent' || real === 'outside') return [];
  const entries = await readdir(real, { withFileTypes: true }).catch((error: unknown) => {
    if (isAbsence(error)) return [];
    throw error;
  });
  const listed = entries.map(async (entry) => {
    const linked = entry.isSymbolicLink();
    const directory = linked
      ? (await stateOf(realRoot, path.posix.join(folder, entry.name))) === 'directory'
      : entry.isDirectory();
    return { name: entry.name, directory };
  });
  return (await Promise.all(listed)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readTree(files: RepositoryFiles, start: string, skip: Skip): Promise<TreeResult> {
  const found: Record<string, string> = {};
  const queue = [path.posix.normalize(start)];
  let count = 0;
  let bytes = 0;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const current = next;
    const state = await files.state(current);
    if (state === 'outside') return { ok: false, reason: 'outside', path: current };
    if (state === 'directory') queue.push(...(await childrenOf(files, current, skip)));
    if (state !== 'file') continue;
    const content = await files.read(current);
    count += 1;
    bytes += content?.bytes.byteLength ?? treeBounds.bytes + 1;
    if (count > treeBounds.files || bytes > treeBounds.bytes)
      return { ok: false, reason: 'too-large', path: current };
    if (content) found[current] = content.digest;
  }
  const sorted = Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ok: true, files: Object.fromEntries(sorted) };
}

async function childrenOf(files: RepositoryFiles, folder: string, skip: Skip): Promise<string[]> {
  const entries = await files.list(folder);
  return entries
    .filter((entry) => entry.name !== '.git')
    .filter((entry) => !skip(path.posix.join(folder, entry.name), entry.directory))
    .map((entry) => path.posix.join(folder, entry.name));
}

/** One digest for a tree. */
export function treeDigest(tree: TreeResult): string | null {
  return tree.ok ? digestValue(tree.files) : null;
}
