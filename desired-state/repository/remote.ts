import type { Git } from './git.ts';
import { RepositoryError, type RepositoryOptions } from './types.ts';

/** The commit that the remote shows for the one ref that we follow. */
export interface RemoteHead {
  /** Full name: refs/heads/… or refs/tags/… */
  ref: string;
  /** Short name of the branch or tag. */
  branch: string;
  /** Full SHA-1 of the commit, an annotated tag peeled. */
  commitId: string;
}

/** One `git ls-remote` of one ref. Throws RepositoryError where the remote does not answer or has no such ref. */
export async function askRemote(
  git: Git,
  url: string,
  options: RepositoryOptions,
  signal?: AbortSignal,
): Promise<RemoteHead> {
  const { branch, tag } = options;
  if (branch === undefined && tag === undefined) return askHead(git, url, signal);
  const ref = tag === undefined ? `refs/heads/${branch}` : `refs/tags/${tag}`;
  const patterns = tag === undefined ? [ref] : [ref, `${ref}^{}`];
  const refs = parseRefs(await git(['ls-remote', '--', url, ...patterns], { signal }));
  const commitId = refs.get(`${ref}^{}`) ?? refs.get(ref);
  const what = tag === undefined ? `branch ${branch}` : `tag ${tag}`;
  if (commitId === undefined) throw new RepositoryError(`the remote has no ${what}`, { retryable: true });
  return { ref, branch: branch ?? tag ?? '', commitId };
}

async function askHead(git: Git, url: string, signal?: AbortSignal): Promise<RemoteHead> {
  const printed = await git(['ls-remote', '--symref', '--', url, 'HEAD'], { signal });
  const commitId = parseRefs(printed).get('HEAD');
  if (commitId === undefined) {
    const message =
      'the repository is empty, or its default branch does not exist: push to it, or name a branch';
    throw new RepositoryError(message, { retryable: true });
  }
  const ref = /^ref: (\S+)\tHEAD$/m.exec(printed)?.[1] ?? 'HEAD';
  return { ref, branch: ref.replace(/^refs\/heads\//, ''), commitId };
}

/** Name -> id. ls-remote also lists refs that merely end like the pattern, hence names in full. */
function parseRefs(printed: string): Map<string, string> {
  const found = printed.matchAll(/^([0-9a-f]{40,64})\t(.+)$/gm);
  return new Map([...found].map((match) => [match[2] ?? '', match[1] ?? '']));
}
