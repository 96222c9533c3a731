import { lstat, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { gitConfig } from './repository/config.ts';
import { type Git, gitRunner } from './repository/git.ts';
import { askRemote } from './repository/remote.ts';
import { explainFile } from './repository/sentence.ts';
import { signatureFlaw } from './repository/signature.ts';
import { readSigners } from './repository/signers.ts';
import { parseSource, type Source } from './repository/source.ts';
import { isCommitId, prepare, readHead, removeDurably, writeDurably } from './repository/state-dir.ts';
import { openStore, type Store } from './repository/store.ts';
import { RepositoryError, type RepositoryOptions, type SyncResult } from './repository/types.ts';
import { type WorkTree, workTree } from './repository/work-tree.ts';
import type { CommitInfo } from './types.ts';

export { checkTree } from './repository/check-tree.ts';

/**
 * The config repository on this machine, all below `stateDir`: `repository.git` (objects), `staging/` (a commit that
 * is being judged), `checkout/` (the commit in force, at a path that never changes). Calls queue up; one process only
 * may use a state directory. `stage`, `promote` and `drifted` throw RepositoryError.
 */
export interface Repository {
  /** Configuration roots (with the sub-path) of the two work trees. */
  checkoutRoot: string;
  stagingRoot: string;
  /** One ls-remote of the one ref; a fetch only when it moved or the store is damaged. Never throws. */
  sync(signal?: AbortSignal): Promise<SyncResult>;
  /** Makes staging/ exactly the commit, and returns the configuration root in it. */
  stage(commitId: string): Promise<string>;
  /** Makes checkout/ the commit in place (see WorkTree.become), and returns the configuration root in it. */
  promote(commitId: string): Promise<string>;
  /**
   * The commit of the last promote that came to its end; null when a later one did not, or where it has no such
   * sub-path. See also `drifted`.
   */
  promoted(): Promise<string | null>;
  /**
   * The commit of the last promote that came to its end, whatever came after it, be it of another URL; null also where its
   * objects are gone, and where commits have to be signed and those before had not to be.
   */
  lastGood(): Promise<CommitInfo | null>;
  /** Tracked files in checkout/ that differ from the commit: one git process, a stat for each file. */
  drifted(commitId: string): Promise<string[]>;
}

interface Parts {
  git: Git;
  source: Source;
  store: Store;
  staging: WorkTree;
  checkout: WorkTree;
}

/** Touches nothing yet; what is wrong with the options is told by the first call. */
export function openRepository(given: RepositoryOptions): Repository {
  const options = { ...given, stateDir: path.resolve(given.stateDir) };
  const at = (name: string) => path.join(options.stateDir, name);
  const root = (name: string) => path.join(at(name), options.path ?? '');
  const turn = pLimit(1);
  const memory: Memory = { verified: null, refused: null };
  const parts = () => openParts(options, at('gitconfig'));
  return {
    checkoutRoot: root('checkout'),
    stagingRoot: root('staging/tree'),
    sync: (signal) => turn(() => sync(options, parts, at('head.json'), memory, signal)),
    stage: (commitId) => turn(async () => stage(await parts(), commitId, root('staging/tree'), memory)),
    promote: (commitId) =>
      turn(async () => promote(await parts(), commitId, root('checkout'), at('checkout.commit'), memory)),
    promoted: () => turn(() => promoted(at('checkout'), root('checkout'))),
    lastGood: () => turn(async () => lastGood(options, await parts(), at('checkout'), at('head.json'))),
    drifted: (commitId) => turn(async () => (await parts()).checkout.drifted(checkedId(commitId))),
  };
}

/** The commit whose objects were found complete in this process; looked at again after any failure. */
interface Memory {
  verified: string | null;
  /** The commit beside which all others that were refused are gone. */
  refused: string | null;
}

async function openParts(options: RepositoryOptions, configFile: string): Promise<Parts> {
  const { stateDir } = options;
  const source = parseSource(options);
  await prepare(stateDir, configFile, await gitConfig(options, source));
  const git = gitRunner(options, source, configFile);
  const store = await openStore(git, stateDir, options.readRoom);
  const tree = (name: string, index: string) =>
    workTree(git, store.directory, path.join(stateDir, name), path.join(stateDir, index));
  const staging = tree('staging/tree', 'staging.index');
  return { git, source, store, staging, checkout: tree('checkout', 'checkout.index') };
}

async function sync(
  options: RepositoryOptions,
  parts: () => Promise<Parts>,
  headFile: string,
  memory: Memory,
  signal?: AbortSignal,
): Promise<SyncResult> {
  let known: CommitInfo | null = null;
  try {
    const { git, source, store } = await parts();
    const name = sourceName(source, options);
    const saved = await readHead(headFile);
    known = saved?.source === name ? saved.commit : null;
    const head = await askRemote(git, source.gitUrl, options, signal);
    if (known?.id === head.commitId && (await isWhole(store, head.commitId, memory, signal))) {
      return { ok: true, commit: known, changed: false, remoteAsked: true };
    }
    const commit = await store.fetch(source.gitUrl, head, signal);
    const refused = await refusalOf(commit, options, git, store);
    if (refused !== null) {
      await forgetOthers(commit.id, store, memory);
      return { ok: false, error: refused, retryable: false, commit: known, refused: commit };
    }
    await store.keep('head', commit.id);
    await writeDurably(headFile, JSON.stringify({ source: name, commit }));
    memory.verified = commit.id;
    return { ok: true, commit, changed: commit.id !== known?.id, remoteAsked: true };
  } catch (error) {
    const { message, retryable } = explainFile(error, options.stateDir);
    return { ok: false, error: message, retryable, commit: known, refused: null };
  }
}

/**
 * What was accepted before stays in force whatever becomes of the signers' files; only once they are named at all,
 * a commit that was taken without them is none.
 */
function sourceName({ gitUrl }: Source, { branch, tag, allowedSigners }: RepositoryOptions): string {
  const verified = allowedSigners === undefined ? [] : ['signed'];
  return JSON.stringify([gitUrl, branch ?? null, tag ?? null, ...verified]);
}

function isVerified(name: string): boolean {
  try {
    return (JSON.parse(name) as unknown[]).length > 3;
  } catch {
    return false;
  }
}

/** One sentence why the commit is not applied; null where it may be. Throws where that cannot be told. */
async function refusalOf(
  commit: CommitInfo,
  { allowedSigners, stateDir }: RepositoryOptions,
  git: Git,
  store: Store,
): Promise<string | null> {
  if (allowedSigners === undefined) return null;
  const signers = await readSigners(allowedSigners, stateDir);
  const flaw = await signatureFlaw(git, store.directory, commit.id, signers);
  if (flaw === null) return null;
  return `commit ${commit.id.slice(0, 7)} "${commit.subject}" is not applied: ${flaw} (${allowedSigners.join(', ')})`;
}

/** The refused one itself stays, so that it is not fetched anew with every cycle. */
async function forgetOthers(commitId: string, store: Store, memory: Memory): Promise<void> {
  if (memory.refused === commitId) return;
  const isPruned = await store.prune().then(
    () => true,
    () => false,
  );
  if (isPruned) memory.refused = commitId;
}

async function isWhole(
  store: Store,
  commitId: string,
  memory: Memory,
  signal?: AbortSignal,
): Promise<boolean> {
  if (memory.verified === commitId) return (await lstat(store.directory).catch(() => null)) !== null;
  if (!(await store.holds(commitId, signal))) return false;
  memory.verified = commitId;
  return true;
}

async function stage(parts: Parts, commitId: string, root: string, memory: Memory): Promise<string> {
  await become(parts.staging, commitId, memory);
  await parts.staging.clean();
  return insideOf(parts.staging, root, commitId);
}

async function promote(
  parts: Parts,
  commitId: string,
  root: string,
  marker: string,
  memory: Memory,
): Promise<string> {
  await removeDurably(marker);
  await become(parts.checkout, commitId, memory);
  await parts.store.keep('promoted', commitId);
  const configRoot = await insideOf(parts.checkout, root, commitId);
  await writeDurably(marker, `${commitId}\n`);
  return configRoot;
}

async function promoted(checkout: string, root: string): Promise<string | null> {
  const id = await readMarker(`${checkout}.commit`, checkout);
  return id !== null && (await isInside(checkout, root)) ? id : null;
}

async function lastGood(
  { allowedSigners }: RepositoryOptions,
  { store }: Parts,
  checkout: string,
  headFile: string,
): Promise<CommitInfo | null> {
  const head = await readHead(headFile);
  if (allowedSigners !== undefined && (head === null || !isVerified(head.source))) return null;
  // A later promote that was cut off took the marker away: what the store keeps is the one before it.
  const name = (await readMarker(`${checkout}.commit`, checkout)) ?? 'refs/steward/promoted';
  return await store.read(name, head?.commit.branch ?? '').catch(() => null);
}

async function become(tree: WorkTree, commitId: string, memory: Memory): Promise<void> {
  try {
    const wrong = await tree.become(checkedId(commitId));
    if (wrong.length === 0) return;
    const message = `${tree.directory}: ${wrong.slice(0, 3).join(', ')} could not be made as in ${commitId.slice(0, 7)}`;
    throw new RepositoryError(message, { retryable: true });
  } catch (error) {
    memory.verified = null;
    throw explainFile(error, tree.directory);
  }
}

/** Held to be a real folder of the work tree and not a link out of it. */
async function isInside(directory: string, root: string): Promise<boolean> {
  const real = await realpath(root).catch(() => null);
  const inside = real !== null && `${real}/`.startsWith(`${await realpath(directory)}/`);
  return inside && (await lstat(real)).isDirectory();
}

/** The configuration root. */
async function insideOf(tree: WorkTree, root: string, commitId: string): Promise<string> {
  const subPath = path.relative(tree.directory, root);
  if (await isInside(tree.directory, root)) return root;
  const message = `commit ${commitId.slice(0, 7)} has no folder "${subPath}", where the configuration should be`;
  throw new RepositoryError(message, { retryable: false });
}

async function readMarker(file: string, checkout: string): Promise<string | null> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (!isCommitId(text)) return null;
  return (await lstat(checkout).catch(() => null))?.isDirectory() ? text : null;
}

function checkedId(commitId: string): string {
  if (isCommitId(commitId)) return commitId;
  throw new RepositoryError(`"${commitId}" is not a full commit id`, { retryable: false });
}
