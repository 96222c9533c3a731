import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
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
 * or `..` would reach outside is `outside` and never opened. Each file and folder is read once for the life of this object.
 */
export interface RepositoryFiles {
  state(file: string): PathState;
  /** Null for what is no readable regular file inside, or larger than `treeBounds.bytes`. */
  read(file: string): FileContent | null;
  /** Sorted by name; empty where there is no such folder. */
  list(folder: string): Entry[];
  /** All files below a file or folder that `skip` does not name. `.git` is never part of it. */
  tree(start: string, skip?: Skip): TreeResult;
}

/** Throws where there is no such root. */
export function repositoryFiles(root: string): RepositoryFiles {
  const realRoot = realpathSync(root);
  const contents = new Map<string, FileContent | null>();
  const listings = new Map<string, ListedEntry[]>();
  const list = (folder: string) => {
    const listed = listings.get(folder) ?? listFolder(realRoot, folder);
    listings.set(folder, listed);
    return listed;
  };
  const remember = (file: string, read: () => FileContent | null) => {
    const known = contents.get(file);
    if (known !== undefined) return known;
    const content = read();
    contents.set(file, content);
    return content;
  };
  return {
    state: (file) => stateOf(realRoot, file),
    read: (file) => {
      const key = path.posix.normalize(file);
      return remember(key, () =>
        stateOf(realRoot, key) === 'file' ? readPlain(path.join(realRoot, key)) : null,
      );
    },
    list: (folder) => list(folder).map(({ name, state }) => ({ name, directory: state === 'directory' })),
    tree: (start, skip) => {
      const read = (file: string) => remember(file, () => readPlain(path.join(realRoot, file)));
      return walkTree({ realRoot, list, read, skip: skip ?? (() => false) }, path.posix.normalize(start));
    },
  };
}

/** The real path of what `file` names, or why it may not be read. */
function inside(realRoot: string, file: string): string | { state: 'absent' | 'outside' } {
  const joined = path.join(realRoot, file);
  if (!isBelow(joined, realRoot)) return { state: 'outside' };
  try {
    const real = realpathSync.native(joined);
    return isBelow(real, realRoot) ? real : { state: 'outside' };
  } catch (error) {
    if (!isAbsence(error)) throw error;
    // A link to nothing: whether its target is ours cannot be told, so it counts as leaving.
    const isLink = lstatSync(joined, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    return { state: isLink ? 'outside' : 'absent' };
  }
}

export function isBelow(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function stateOf(realRoot: string, file: string): PathState {
  const real = inside(realRoot, file);
  if (typeof real !== 'string') return real.state;
  return typeOf(lstatSync(real));
}

function typeOf(entry: { isFile(): boolean; isDirectory(): boolean }): PathState {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'directory' : 'special';
}

function readPlain(file: string): FileContent | null {
  // Should a pipe have taken the file's place by now, opening it must not wait for a writer.
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(handle);
    if (!stats.isFile() || stats.size > treeBounds.bytes) return null;
    const bytes = readFileSync(handle);
    return { bytes, digest: `${digest(bytes)}${stats.mode & 0o100 ? '+x' : ''}` };
  } finally {
    closeSync(handle);
  }
}

interface ListedEntry {
  name: string;
  state: PathState;
}

function listFolder(realRoot: string, folder: string): ListedEntry[] {
  const real = inside(realRoot, folder);
  if (typeof real !== 'string') return [];
  return entriesOf(real)
    .map((entry) => ({
      name: entry.name,
      // Only a link can lead elsewhere: the folder itself has been looked at.
      state: entry.isSymbolicLink() ? stateOf(realRoot, path.posix.join(folder, entry.name)) : typeOf(entry),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function entriesOf(real: string): Dirent[] {
  try {
    return readdirSync(real, { withFileTypes: true });
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

interface Walk {
  realRoot: string;
  list(folder: string): ListedEntry[];
  read(file: string): FileContent | null;
  skip: Skip;
}

function walkTree(walk: Walk, start: string): TreeResult {
  const found: Record<string, string> = {};
  const queue = [{ file: start, state: stateOf(walk.realRoot, start) }];
  let count = 0;
  let bytes = 0;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { file, state } = next;
    if (state === 'outside') return { ok: false, reason: 'outside', path: file };
    if (state === 'directory') queue.push(...childrenOf(walk, file));
    if (state !== 'file') continue;
    const content = walk.read(file);
    count += 1;
    bytes += content?.bytes.byteLength ?? treeBounds.bytes + 1;
    if (count > treeBounds.files || bytes > treeBounds.bytes || queue.length > 10 * treeBounds.files) {
      return { ok: false, reason: 'too-large', path: file };
    }
    if (content) found[file] = content.digest;
  }
  const sorted = Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ok: true, files: Object.fromEntries(sorted) };
}

function childrenOf({ list, skip }: Walk, folder: string): { file: string; state: PathState }[] {
  return list(folder)
    .filter(({ name }) => name !== '.git')
    .map(({ name, state }) => ({ file: path.posix.join(folder, name), state }))
    .filter(({ file, state }) => !skip(file, state === 'directory'));
}

/** One digest for a tree. */
export function treeDigest(tree: TreeResult): string | null {
  return tree.ok ? digestValue(tree.files) : null;
}
