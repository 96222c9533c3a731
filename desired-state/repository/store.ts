import { lstat, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CommitInfo } from '../types.ts';
import type { Git } from './git.ts';
import type { RemoteHead } from './remote.ts';
import { explainFile } from './sentence.ts';
import { clearHalves, roomOf, whileRoom } from './space.ts';
import { RepositoryError } from './types.ts';

/**
 * The bare object store. It holds nothing that cannot be fetched again, so whatever is wrong with it (half a clone, a
 * cut pack, an empty ref) is answered in one way: a new one is made beside and takes its place when it is complete.
 *
 * Fetches are shallow: one commit is all that is ever checked out, a rewritten history is then as good as any other,
 * and the first start does not depend on the age of the repository. Refs keep the
 * newest and the promoted commit; others stay until git gc prunes them, two weeks later at the earliest, or as soon as a
 * commit is refused.
 */
export interface Store {
  directory: string;
  /** Gets the commit that the remote ref names now, which may be newer than `head`. */
  fetch(url: string, head: RemoteHead, signal?: AbortSignal): Promise<CommitInfo>;
  /** True when the commit and every tree and file of it can be read. */
  holds(commitId: string, signal?: AbortSignal): Promise<boolean>;
  /** A commit that it holds, by its id or a ref; the branch is not known from it. */
  read(name: string, branch: string): Promise<CommitInfo>;
  /** Keeps the commit from being pruned, instead of the one kept under this name before. */
  keep(name: string, commitId: string): Promise<void>;
  /** Drops at once what came in earlier and is not kept: commits that were refused may be of any size. */
  prune(): Promise<void>;
}

export async function openStore(git: Git, stateDir: string, readRoom = roomOf): Promise<Store> {
  const directory = path.join(stateDir, 'repository.git');
  await bringBack(directory).catch((error) => {
    throw explainFile(error, stateDir);
  });
  const fetch = async (url: string, head: RemoteHead, signal?: AbortSignal): Promise<CommitInfo> => {
    try {
      return await fetchInto(git, directory, url, head, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RepositoryError && error.timedOut) throw error;
      return await fetchAnew(git, directory, url, head, signal);
    } finally {
      await clearHalves(directory);
    }
  };
  return {
    directory,
    fetch: async (url, head, signal) => {
      await clearHalves(directory);
      return await whileRoom(stateDir, readRoom, (full) =>
        fetch(url, head, signal === undefined ? full : AbortSignal.any([full, signal])),
      );
    },
    read: (name, branch) => readCommit(git, directory, name, branch),
    holds: (commitId, signal) => holds(git, directory, commitId, signal),
    keep: async (name, commitId) => {
      await git(['update-ref', `refs/steward/${name}`, commitId], { gitDir: directory, where: directory });
    },
    prune: async () => {
      await git(['gc', '--quiet', '--force', '--prune=now'], { gitDir: directory, where: directory });
    },
  };
}

/** After a cut while a new one took its place, the old one is all that has what is in force, and the remote may be away. */
async function bringBack(directory: string): Promise<void> {
  const isThere = await lstat(directory).catch(ignoreAbsent);
  if (isThere === undefined) await rename(setAside(directory), directory).catch(ignoreAbsent);
}

function setAside(directory: string): string {
  return `${directory}.broken`;
}

async function fetchAnew(
  git: Git,
  directory: string,
  url: string,
  head: RemoteHead,
  signal?: AbortSignal,
): Promise<CommitInfo> {
  const fresh = `${directory}.new`;
  const broken = setAside(directory);
  try {
    await remove(fresh);
    await git(['init', '--bare', '--quiet', '--', fresh], { where: fresh, signal });
    const commit = await fetchInto(git, fresh, url, head, signal);
    await keepKnown(git, directory, fresh, signal);
    await remove(broken);
    await rename(directory, broken).catch(ignoreAbsent);
    await rename(fresh, directory);
    await remove(broken);
    return commit;
  } finally {
    await remove(fresh);
  }
}

/** What is in force may not be what the remote has now. Where the old store cannot give it, it is fetched or told later. */
async function keepKnown(git: Git, from: string, into: string, signal?: AbortSignal): Promise<void> {
  for (const name of ['head', 'promoted']) {
    const spec = `+refs/steward/${name}:refs/steward/${name}`;
    const args = ['fetch', '--depth=1', '--quiet', '--no-tags', '--no-write-fetch-head', '--', from, spec];
    await git(args, { gitDir: into, signal }).catch(() => signal?.throwIfAborted());
  }
}

async function fetchInto(
  git: Git,
  gitDir: string,
  url: string,
  head: RemoteHead,
  signal?: AbortSignal,
): Promise<CommitInfo> {
  const incoming = 'refs/steward/incoming';
  const options = ['--quiet', '--no-tags', '--force', '--no-write-fetch-head', '--no-recurse-submodules'];
  const rest = ['--', url, `+${head.ref}:${incoming}`];
  await git(['fetch', '--depth=1', ...options, ...rest], { gitDir, signal }).catch(async (error: Error) => {
    // A plain web server with files ("dumb HTTP") can only give everything.
    if (!/dumb http|shallow/i.test(error.message)) throw error;
    await git(['fetch', ...options, ...rest], { gitDir, signal });
  });
  const name = `${incoming}^{commit}`;
  const [commit] = await Promise.all([
    readCommit(git, gitDir, name, head.branch),
    verify(git, gitDir, name, signal),
  ]);
  return commit;
}

async function readCommit(git: Git, gitDir: string, name: string, branch: string): Promise<CommitInfo> {
  const args = ['log', '-1', '--no-show-signature', '--format=%H%x00%cI%x00%s', name, '--'];
  const [id = '', date = '', subject = ''] = (await git(args, { gitDir, where: gitDir }))
    .trimEnd()
    .split('\0');
  return { id, subject, branch, committedAt: new Date(date).toISOString() };
}

async function verify(git: Git, gitDir: string, commitId: string, signal?: AbortSignal): Promise<void> {
  const args = ['rev-list', '--objects', '--quiet', '--max-count=1', commitId, '--'];
  await git(args, { gitDir, where: gitDir, signal });
}

async function holds(git: Git, gitDir: string, commitId: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await verify(git, gitDir, commitId, signal);
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}

async function remove(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
