import { infoArgs } from './archives.ts';
import { type BorgOptions, type BorgResult, callBorg } from './call.ts';
import { BorgError, type BorgRepository } from './types.ts';

/** Exit code of borg when a lock was not given up in time. */
export const lockTimeout = 73;

/**
 * Like `callBorg`; a lock that a dead borg of ours has left is broken by borg itself. Only for who holds Steward's own
 * lock of this repository: then no borg of this state folder is alive.
 *
 * Borg breaks a lock of its own host id whose process is gone. After a reboot the number of that process may belong to
 * another, and the lock would stand for ever. So one call is made in a namespace where no number is taken. A lock
 * with a foreign host id, such as that of `borg serve` on the repository's server, is never broken: it is waited for.
 */
export async function callBorgAlone(
  args: string[],
  repository: BorgRepository,
  options: BorgOptions,
): Promise<BorgResult> {
  try {
    return await callBorg(args, repository, { ...options, lockWaitSeconds: 5 });
  } catch (error) {
    if (!(error instanceof BorgError) || error.exitCode !== lockTimeout) throw error;
    await breakStaleLock(repository, options);
    return await callBorg(args, repository, options);
  }
}

/** `info`, since it locks both the repository and the cache. What else is wrong, the call itself will say. */
async function breakStaleLock(repository: BorgRepository, options: BorgOptions): Promise<void> {
  const { onLine: _onLine, onProgress: _onProgress, timeoutMs: _timeoutMs, ...rest } = options;
  const quick = { ...rest, lockWaitSeconds: 5, wrap: inFreshPidNamespace };
  await callBorg(infoArgs(repository.location), repository, quick).catch((error: unknown) => {
    if (!(error instanceof BorgError)) throw error;
  });
}

/** Borg gets a number of its own choosing there: as number 1 it would take a lock of number 1 for its own. */
function inFreshPidNamespace(argv: string[]): string[] {
  const first = 1000 + Math.floor(Math.random() * 30_000);
  const script = 'echo "$0" > /proc/sys/kernel/ns_last_pid; "$@"; exit $?';
  return [
    ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-c', script, String(first), ...argv],
  ];
}
