import type { ComposeReader, TextCache } from '../desired-state/compose/types.ts';
import { openRepository } from '../desired-state/repository.ts';
import type { CycleDeps } from '../reconciler/cycle.ts';
import { textCache } from '../reconciler/state/cache.ts';
import { openStore, type Store } from '../reconciler/state/store.ts';
import { systemClock } from '../tools/clock.ts';
import { loadDocker } from '../tools/docker.ts';
import { type SecretBox, secretBox } from '../tools/secrets/box.ts';
import { clearLeftovers, ownMemory } from '../tools/secrets/env-files.ts';
import { maskKey } from '../tools/secrets/mask-key.ts';
import { UserError } from './errors.ts';
import type { Settings } from './settings.ts';
import { type GitSource, gitSource } from './source.ts';

/** Settings -> the parts of a cycle: the one place where rooms are put together. */

export interface Wired {
  deps: CycleDeps;
  store: Store;
  lastGood: GitSource['lastGood'];
  /** Where the files of a problem can be read: the commit under judgement first. */
  sourceRoots: string[];
  close(): void;
}

export async function wire(settings: Settings, signal?: AbortSignal): Promise<Wired> {
  const store = openStore(settings.stateDir);
  try {
    const secrets = secretBox(settings.identity);
    // A process that was killed while compose ran has left what it had opened.
    clearLeftovers(ownMemory().runDir);
    const compose = opened(() => composeReader(settings, textCache(store), secrets));
    // Begun while Git is asked; whoever needs it is told how it ended.
    compose().catch(() => {});
    const repository = openRepository(repositoryOptions(settings));
    const { environmentDir, stateDir } = settings;
    const source = gitSource({ repository, compose, environmentDir, stateDir, secrets });
    const host = await hostOf(settings, source, secrets);
    const deps = { source, store, clock: systemClock, ...host, ...(signal === undefined ? {} : { signal }) };
    const sourceRoots = [repository.stagingRoot, repository.checkoutRoot];
    const { lastGood } = source;
    return { deps, store, lastGood, sourceRoots, close: () => store.close() };
  } catch (error) {
    store.close();
    throw error;
  }
}

async function hostOf(
  settings: Settings,
  source: GitSource,
  secrets: SecretBox,
): Promise<Pick<CycleDeps, 'observer' | 'executor'>> {
  if (settings.host === 'simulator') {
    const { openSimulator } = await import('./simulator.ts');
    return openSimulator(settings.stateDir, source, source.current);
  }
  const { hostObserver } = await import('../observers/host.ts');
  const { hostExecutor } = await import('../reconciler/apply/host.ts');
  return { observer: hostObserver(), executor: hostExecutor({ stateDir: settings.stateDir, secrets }) };
}

/** Opened once. A failure is not for ever: Docker may be installed, or come back, under a running loop. */
function opened<T>(open: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | null = null;
  return () => {
    pending ??= open().catch((error: unknown) => {
      pending = null;
      throw error;
    });
    return pending;
  };
}

async function composeReader(
  settings: Settings,
  cache: TextCache,
  secrets: SecretBox,
): Promise<ComposeReader> {
  const options = { secrets, maskKey: maskKey(settings.stateDir) };
  if (settings.host === 'simulator') {
    const { builtInReader } = await import('../desired-state/compose/built-in.ts');
    return builtInReader(options);
  }
  const { dockerComposeReader } = await import('../desired-state/compose/docker-compose.ts');
  const reader = dockerComposeReader({ cache, ...options });
  // The client takes 0.1 s to load: by now compose is under way on another core, so that much is waited for anyhow.
  void loadDocker();
  return reader;
}

function repositoryOptions(settings: Settings) {
  const { repository: url, branch, tag, path, stateDir, credentials, allowedSigners } = settings;
  if (url === null) {
    throw new UserError(
      'no repository: give --repo URL or DIR, or write `repository:` into /etc/steward/steward.yaml',
    );
  }
  const { sshKey, knownHosts, username, tokenFile, caFile } = credentials;
  const given = { sshKeyFile: sshKey, knownHostsFile: knownHosts, username, tokenFile, caFile };
  return withoutUndefined({
    url,
    stateDir,
    branch: branch ?? undefined,
    tag: tag ?? undefined,
    path: path ?? undefined,
    credentials: withoutUndefined(given),
    allowedSigners: allowedSigners ?? undefined,
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** exactOptionalPropertyTypes: an option that was not given is absent, not undefined. */
function withoutUndefined<T extends object>(
  value: T,
): Partial<Defined<T>> & Pick<Defined<T>, RequiredKeys<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}

type RequiredKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T];
