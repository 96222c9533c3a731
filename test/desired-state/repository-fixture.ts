import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach } from 'vitest';
import type { RepositoryOptions, SyncResult } from '../../desired-state/repository/types.ts';
import { openRepository, type Repository } from '../../desired-state/repository.ts';
import { runOk } from '../../tools/run.ts';

const identity = {
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

export function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'steward-repository-'));
  directories.push(directory);
  return directory;
}

/** A real repository whose commits are made of plain texts. */
export interface Origin {
  work: string;
  git(...args: string[]): Promise<string>;
  /** null removes. Returns the commit's id. */
  commit(files: Record<string, string | null>, subject?: string): Promise<string>;
}

export async function makeOrigin(files: Record<string, string> = { 'lab.yaml': 'one\n' }): Promise<Origin> {
  const work = path.join(temporaryDirectory(), 'origin');
  const git = (...args: string[]) => runOk('git', ['-C', work, ...args], { env: identity });
  await runOk('git', ['init', '-q', '-b', 'main', work], { env: identity });
  const commit = async (changes: Record<string, string | null>, subject = 'change') => {
    for (const [name, content] of Object.entries(changes)) {
      const file = path.join(work, name);
      if (content === null) rmSync(file, { recursive: true, force: true });
      else {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, content);
      }
    }
    await git('add', '-A');
    await git('commit', '-q', '--allow-empty', '-m', subject);
    return (await git('rev-parse', 'HEAD')).trim();
  };
  const origin = { work, git, commit };
  if (Object.keys(files).length > 0) await commit(files, 'first');
  return origin;
}

export interface Opened {
  repository: Repository;
  stateDir: string;
  checkout: string;
}

export function opened(url: string, options: Partial<RepositoryOptions> = {}): Opened {
  const stateDir = options.stateDir ?? path.join(temporaryDirectory(), 'state');
  return {
    repository: openRepository({ url, stateDir, timeoutMs: 20_000, ...options }),
    stateDir,
    checkout: path.join(stateDir, 'checkout'),
  };
}

/** The commit id of a sync that must succeed. */
export async function synced(repository: Repository): Promise<string> {
  const result = await repository.sync();
  if (!result.ok) throw new Error(`sync failed: ${result.error}`);
  return result.commit.id;
}

/** The failure of a sync that must fail. */
export async function refused(repository: Repository): Promise<Extract<SyncResult, { ok: false }>> {
  const result = await repository.sync();
  if (result.ok) throw new Error(`sync succeeded with ${result.commit.id}`);
  return result;
}
