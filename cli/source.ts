import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { ComposeReader, View } from '../desired-state/compose/types.ts';
import { learnConfigHashes, loadDesiredState, withConfigHashes } from '../desired-state/load.ts';
import { checkTree, type Repository } from '../desired-state/repository.ts';
import type { CommitInfo, DesiredStack, DesiredState, LoadResult } from '../desired-state/types.ts';
import type { Source } from '../reconciler/cycle.ts';
import type { Stamped } from '../reconciler/kinds/stack/stamped.ts';
import { digestValue } from '../tools/digest.ts';
import type { SecretBox } from '../tools/secrets/box.ts';

export interface SourceOptions {
  repository: Repository;
  compose: () => Promise<ComposeReader>;
  /** Where NAME.env files of the host are; they are not in Git and may change at any time. */
  environmentDir: string;
  stateDir: string;
  /** Opens encrypted environment files. Default: none is opened. */
  secrets?: SecretBox;
}

export interface GitSource extends Source {
  /** What was loaded last and is valid. Throws where nothing was. */
  current(): DesiredState;
  /** The commit that the checkout was made of last, which was valid then; null where none was. */
  lastGood(): Promise<CommitInfo | null>;
}

/**
 * Git for the reconciler. A commit is judged in the staging area, as if it stood in the stable checkout already; the
 * checkout follows only when it is about to be applied. What was loaded for a commit is kept for as long as neither
 * the commit nor the host's environment files change: a cycle with nothing to do reads no file of the repository.
 */
export function gitSource(options: SourceOptions): GitSource {
  const { repository } = options;
  let loaded: (Loaded & { key: string }) | null = null;
  let judged: string | null = null;
  const hashes = hashMemo(options.compose);
  const viewOf = (): View => ({ root: loaded?.root ?? repository.checkoutRoot, as: repository.checkoutRoot });
  return {
    lastGood: () => repository.lastGood(),
    current() {
      if (loaded?.result.ok !== true) throw new Error('nothing was loaded yet');
      return loaded.result.state;
    },
    async sync(signal) {
      const result = await repository.sync(signal);
      if (result.ok) return { commit: result.commit, error: null, fetched: true, refused: null };
      const { commit, error, refused } = result;
      return { commit, error, fetched: refused !== null, refused };
    },
    async load(commit) {
      const key = keyOf(commit, options);
      if (loaded?.key !== key) {
        loaded = { key, ...(await load(commit, options)) };
        judged = loaded.inForce ? commit.id : null;
      }
      const { result } = loaded;
      return result.ok ? { ok: true, state: { ...result.state, commit } } : result;
    },
    hashes: (stacks) => hashes.ask(stacks, viewOf()),
    async learn(stamped, commit) {
      // While the gates were waited for, somebody may have edited what compose had read before.
      if (loaded?.key !== keyOf(commit, options) || !(await isInForce(repository, commit))) return;
      const compose = await options.compose();
      for (const each of stamped) {
        hashes.learn(each);
        await learnConfigHashes(each.stack, compose, viewOf(), each.hashes);
      }
    },
    async promote(commit) {
      // What this very cycle found in force is not looked at twice.
      const known = judged === commit.id;
      judged = null;
      if (!known && !(await isInForce(repository, commit))) await repository.promote(commit.id);
      // Staging is free for the next commit from now on, e.g. for a `plan` beside the loop.
      if (loaded !== null) loaded = { ...loaded, root: repository.checkoutRoot };
    },
  };
}

/** All that a loaded commit follows from. */
function keyOf(commit: CommitInfo, { environmentDir, secrets }: SourceOptions): string {
  return `${commit.id} ${environmentKey(environmentDir)} ${secrets?.state() ?? ''}`;
}

/** The checkout is this commit, and nobody edited it. A store that cannot tell counts as no. */
async function isInForce(repository: Repository, commit: CommitInfo): Promise<boolean> {
  if ((await repository.promoted()) !== commit.id) return false;
  const drifted = await repository.drifted(commit.id).catch(() => null);
  return drifted !== null && drifted.length === 0;
}

/** Compose processes at the same time: each takes a core for some 40 ms. */
const composeAtOnce = 4;

/**
 * Asks compose once for each input. A stack that compose does not answer for stays without hashes, and is left alone
 * (unknown is not absent); the others go on.
 */
function hashMemo(compose: SourceOptions['compose']) {
  const known = new Map<string, { inputDigest: string; hashes: Map<string, string | null> }>();
  const limit = pLimit(composeAtOnce);
  const ask = async (stack: DesiredStack, view: View): Promise<DesiredStack> => {
    const before = known.get(stack.id);
    if (before?.inputDigest === stack.inputDigest) return withHashes(stack, before.hashes);
    const answer = await withConfigHashes(stack, await compose(), view).catch((error: Error) => {
      if (error.name !== 'ToolError') throw error;
      return null;
    });
    if (answer === null) return stack;
    const hashes = new Map(answer.containers.map(({ name, configHash }) => [name, configHash]));
    known.set(stack.id, { inputDigest: stack.inputDigest, hashes });
    return answer;
  };
  return {
    ask: (stacks: DesiredStack[], view: View) =>
      Promise.all(stacks.map((stack) => limit(() => ask(stack, view)))),
    learn: ({ stack: { id, inputDigest }, hashes }: Stamped) => {
      known.set(id, { inputDigest, hashes: new Map(Object.entries(hashes)) });
    },
  };
}

function withHashes(stack: DesiredStack, hashes: Map<string, string | null>): DesiredStack {
  const containers = stack.containers.map((item) => ({ ...item, configHash: hashes.get(item.name) ?? null }));
  return { ...stack, containers };
}

/** A commit and where its files were read: its hashes have to be computed from the same ones. */
interface Loaded {
  root: string;
  inForce: boolean;
  result: LoadResult;
}

async function load(commit: CommitInfo, options: SourceOptions): Promise<Loaded> {
  const { repository } = options;
  // What is in force was judged before; containers may have left links and sockets in it since.
  const inForce = await isInForce(repository, commit);
  const root = inForce ? repository.checkoutRoot : await repository.stage(commit.id);
  const problems = inForce ? [] : await checkTree(root);
  if (problems.length > 0) return { root, inForce, result: { ok: false, problems } };
  const result = await loadDesiredState({
    root,
    as: repository.checkoutRoot,
    commit,
    compose: await options.compose(),
    hostEnvDir: options.environmentDir,
    stateDir: options.stateDir,
    ...(options.secrets === undefined ? {} : { secrets: options.secrets }),
  });
  return { root, inForce, result };
}

/** Names, sizes and times of the host's environment files: enough to see that one was changed. */
function environmentKey(directory: string): string {
  try {
    const names = readdirSync(directory).sort();
    return digestValue(
      names.map((name) => {
        const { size, mtimeMs, ino } = statSync(join(directory, name));
        return [name, size, mtimeMs, ino];
      }),
    );
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}
