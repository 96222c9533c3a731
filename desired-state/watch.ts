import { existsSync } from 'node:fs';
import path from 'node:path';
import { watch } from 'chokidar';

export type LookReason = 'poll' | 'push';

export interface WatchOptions {
  /** A repository on this machine, bare or not; null: polling alone. */
  repositoryPath: string | null;
  /** Between two polls, plus or minus a tenth at random, so that many hosts do not ask at once. */
  intervalMs: number;
  /** "Look again", nothing more: never called twice at once, and at least once after every event. */
  onLook: (reason: LookReason) => void | Promise<void>;
  /** One sentence when watching does not work and polling alone goes on; also where `onLook` throws. */
  onTrouble?: (sentence: string) => void;
  signal: AbortSignal;
  /** Quiet time after which a burst of events counts as one. Default 20 ms. */
  debounceMs?: number;
  random?: () => number;
}

/** Calls `onLook` until the signal fires. Resolves when watching is set up (or given up); the first look is not made. */
export async function watchRepository(options: WatchOptions): Promise<void> {
  const { signal, debounceMs = 20 } = options;
  if (signal.aborted) return;
  const look = oneAtATime(options);
  poll(options, look);
  if (options.repositoryPath === null) return;
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  await watchRefs(options, options.repositoryPath, () => {
    clearTimeout(timer);
    timer = setTimeout(() => look('push'), debounceMs);
  });
}

/** Asked again while a look is under way, it makes one more afterwards: the running one may have missed the news. */
function oneAtATime({ onLook, onTrouble, signal }: WatchOptions): (reason: LookReason) => void {
  let running = false;
  let again: LookReason | null = null;
  const look = async (reason: LookReason): Promise<void> => {
    if (signal.aborted) return;
    if (running) {
      again = reason;
      return;
    }
    running = true;
    try {
      await onLook(reason);
    } catch (error) {
      onTrouble?.(`looking failed: ${(error as Error).message}`);
    }
    running = false;
    const next = again;
    again = null;
    if (next !== null) await look(next);
  };
  return (reason) => void look(reason);
}

function poll(options: WatchOptions, look: (reason: LookReason) => void): void {
  const { intervalMs, signal, random = Math.random } = options;
  const wait = () => intervalMs * (0.9 + 0.2 * random());
  let timer: NodeJS.Timeout;
  const tick = () => {
    look('poll');
    timer = setTimeout(tick, wait());
  };
  timer = setTimeout(tick, wait());
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

async function watchRefs(options: WatchOptions, repositoryPath: string, onEvent: () => void): Promise<void> {
  const { signal, onTrouble } = options;
  const directory = gitDirectory(repositoryPath);
  if (directory === null) {
    onTrouble?.(`${repositoryPath} is not a Git repository: cannot be watched, polling instead`);
    return;
  }
  // The whole directory with a filter: packed-refs and HEAD are replaced by rename, and a watch on the file itself
  // would go on watching the old one.
  const watcher = watch(directory, { ignoreInitial: true, ignored: (file) => !matters(directory, file) });
  const close = () => void watcher.close();
  signal.addEventListener('abort', close, { once: true });
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    watcher.on('all', onEvent);
    watcher.on('ready', resolve);
    watcher.on('error', (error) => {
      close();
      onTrouble?.(`${repositoryPath} cannot be watched (${(error as Error).message}), polling instead`);
      resolve();
    });
  });
}

/** Null where it is no repository. A work tree's `.git`, or the path itself when it is bare. */
function gitDirectory(repositoryPath: string): string | null {
  const candidates = [path.join(repositoryPath, '.git'), repositoryPath, `${repositoryPath}.git`];
  return candidates.find((directory) => existsSync(path.join(directory, 'HEAD'))) ?? null;
}

function matters(directory: string, file: string): boolean {
  const name = path.relative(directory, file);
  if (name.endsWith('.lock')) return false;
  return name === '' || /^(HEAD|packed-refs|refs|refs\/(heads|tags)(\/.*)?)$/.test(name);
}
