import type { ChildProcess } from 'node:child_process';

/**
 * A program that the kernel holds, as in a call to a pool that is suspended, does not end at SIGKILL either. Who waits
 * for it waits for ever, and who starts another one has two of them.
 */
const unending = new Map<string, number>();

/** From the last that can be done to end a program to giving up on it. */
export const givenUpMs = 5_000;

/** Why `key` (a command line, or what it works on) is not to be started again; null where it may be. */
export function stillThere(name: string, key: string): string | null {
  const pid = unending.get(key);
  return pid === undefined ? null : sentence(name, pid);
}

/** To be called once nothing has ended it. Gives the sentence to say; null where it has ended after all. */
export function giveUpOn(child: ChildProcess, name: string, key: string): string | null {
  const { pid, exitCode, signalCode } = child;
  if (pid === undefined || exitCode !== null || signalCode !== null) return null;
  unending.set(key, pid);
  child.once('exit', () => unending.delete(key));
  return sentence(name, pid);
}

function sentence(name: string, pid: number): string {
  return `${name} does not answer and cannot be ended (process ${pid}): the kernel holds it, as where a disk or a pool no longer answers; dmesg may say which`;
}

/** `over` rejects with what `giveUp` gives, 5 s after the program was to end: its time is up, or nobody wants it any more. */
export function patienceWith(
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  giveUp: () => Error,
) {
  const { promise: over, reject } = Promise.withResolvers<never>();
  over.catch(() => {});
  const end = () => reject(giveUp());
  let told: NodeJS.Timeout | undefined;
  /** It is told to end now. */
  const begin = () => {
    told ??= setTimeout(end, givenUpMs);
  };
  const late = setTimeout(begin, timeoutMs);
  signal?.addEventListener('abort', begin);
  if (signal?.aborted === true) begin();
  return {
    over,
    begin,
    stop() {
      clearTimeout(late);
      clearTimeout(told);
      signal?.removeEventListener('abort', begin);
    },
  };
}
