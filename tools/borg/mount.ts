import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../run.ts';
import { type BorgOptions, callBorg } from './call.ts';
import { BorgError, type BorgRepository } from './types.ts';

/** Nothing is printed while it is mounted, for as long as somebody looks: the longest that a timer can wait. */
const foreverMs = 2 ** 31 - 1;

/**
 * Shows an archive at `folder`, to be read only, until it is unmounted or the signal comes. `mounted` is called once it
 * can be looked at. Throws BorgError, also where the signal comes before that.
 */
export async function mountArchive(
  target: { repository: BorgRepository; archive: string; folder: string },
  options: BorgOptions & { signal: AbortSignal },
  mounted: () => void,
): Promise<void> {
  const { repository, archive, folder } = target;
  const args = ['mount', '--foreground', '--numeric-ids', `${repository.location}::${archive}`, folder];
  const ended = new AbortController();
  const { signal, ...rest } = options;
  const opening = new AbortController();
  const end = () =>
    void unmounted(folder)
      .catch(() => false)
      .then((was) => was || opening.abort());
  if (signal.aborted) opening.abort();
  signal.addEventListener('abort', end);
  void announce(folder, ended.signal, mounted);
  try {
    const patience = { idleMs: foreverMs, lockWaitSeconds: 5 };
    await callBorg(args, repository, { ...rest, ...patience, signal: opening.signal });
  } catch (error) {
    throw error instanceof BorgError && /FUSE/i.test(error.message) ? noFuse(error) : error;
  } finally {
    ended.abort();
    signal.removeEventListener('abort', end);
    // It may have been mounted in the very moment in which it was told to end.
    if (opening.signal.aborted) await unmounted(folder);
  }
}

/**
 * Told to end by a signal, borg would leave a mount that nobody answers for: it ends when it is unmounted. False: nothing
 * is mounted there, so that borg is still opening the repository.
 */
async function unmounted(folder: string): Promise<boolean> {
  if (!(await isMounted(folder))) return false;
  await run('umount', ['--lazy', '--', folder], { timeoutMs: 30_000 });
  return true;
}

function noFuse(cause: BorgError): BorgError {
  return new BorgError('Borg cannot mount archives here; apt-get install python3-pyfuse3', { cause });
}

async function announce(folder: string, ended: AbortSignal, mounted: () => void): Promise<void> {
  while (!ended.aborted) {
    if (await isMounted(folder)) {
      mounted();
      return;
    }
    await sleep(200, undefined, { signal: ended }).catch(() => {});
  }
}

/** Whether an archive of Borg is mounted there. */
export async function isMounted(folder: string): Promise<boolean> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  const place = folder.replace(
    /[\\ \t\n]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return text.split('\n').some((line) => {
    const [source, mountpoint, type = ''] = line.split(' ');
    return source === 'borgfs' && mountpoint === place && type.startsWith('fuse');
  });
}
