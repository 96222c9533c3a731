import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { givenUpMs, giveUpOn, stillThere } from '../unending.ts';
import { leashed } from './leash.ts';
import { BorgError } from './types.ts';

/**
 * Takes each line of stdout, which is then not kept. The next one waits until it has done so, and borg with it: how
 * slow it is does not count as hanging. What it throws ends the call, and is what the call throws.
 */
export type TakeLine = (line: string) => void | Promise<void>;

export interface ProcessOptions {
  env: Record<string, string>;
  onErrorLine: (line: string) => void;
  onLine?: TakeLine | undefined;
  /** Without a line for so long, it hangs and is ended. */
  idleMs: number;
  /** For the whole call; undefined: it may take days. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** From SIGTERM to SIGKILL. */
  graceMs?: number | undefined;
  /** What it works on: where one that cannot be ended is at it still, no other is started. */
  works: string;
}

export interface ProcessEnd {
  /** 128 + N after signal N, as a shell has it. */
  exitCode: number;
  stdout: string;
}

/** Runs it on a leash and hands on its lines as they come. Throws BorgError: not started, hung, ended from here. */
export async function runLeashed(argv: string[], options: ProcessOptions): Promise<ProcessEnd> {
  if (options.signal?.aborted) throw new BorgError('borg was not started: Steward was told to stop');
  const left = stillThere('borg', options.works);
  if (left !== null) throw new BorgError(left);
  const [file = '', ...args] = leashed(argv);
  // A session of its own: Ctrl-C at a terminal reaches Steward alone, which knows how to end it.
  const how = { detached: true, cwd: '/', env: options.env };
  const child = spawn(file, args, { ...how, stdio: ['ignore', 'pipe', 'pipe'] });
  const watch = watchdog(child, options);
  const output: string[] = [];
  const onLine = options.onLine ?? ((line: string) => void output.push(line));
  const read = Promise.all([
    eachLine(child.stdout, onLine, watch),
    eachLine(child.stderr, options.onErrorLine, watch),
  ]).catch(watch.end);
  try {
    const exitCode = await Promise.race([exited(child), watch.over]);
    await drained(read, watch);
    const why = watch.why();
    if (why !== null) throw why;
    return { exitCode, stdout: output.join('\n') };
  } finally {
    watch.stop();
    close(child);
  }
}

async function exited(child: ChildProcess): Promise<number> {
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return exitCode ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  } catch (cause) {
    throw new BorgError(`borg could not be started: ${(cause as Error).message}`, { cause });
  }
}

type Watchdog = ReturnType<typeof watchdog>;

/** Ends the child, gently and then not, when it hangs, is late, or nobody wants it any more. */
function watchdog(child: ChildProcess, options: ProcessOptions) {
  const { idleMs, timeoutMs, signal, graceMs = 15_000, works } = options;
  const { promise: over, reject } = Promise.withResolvers<never>();
  const giveUp = () => {
    const message = giveUpOn(child, 'borg', works);
    if (message !== null) reject(new BorgError(message));
  };
  let reason: Error | null = null;
  let waiting = false;
  let killer: NodeJS.Timeout | undefined;
  const end = (why: Error): void => {
    if (reason !== null) return;
    reason = why;
    child.kill('SIGTERM');
    killer = setTimeout(() => {
      child.kill('SIGKILL');
      killer = setTimeout(giveUp, givenUpMs);
    }, graceMs);
  };
  const hangs = () => end(new BorgError(`borg said nothing for ${idleMs / 1000} s and was ended`));
  const idle = setTimeout(() => (waiting ? idle.refresh() : hangs()), idleMs);
  const isLate = () => end(new BorgError(`borg took longer than ${(timeoutMs ?? 0) / 1000} s`));
  const late = timeoutMs && setTimeout(isLate, timeoutMs);
  const onAbort = () => end(new BorgError('borg was ended: Steward was told to stop'));
  signal?.addEventListener('abort', onAbort);
  return {
    end,
    over,
    heard: () => void idle.refresh(),
    /** Whether it is not borg that takes its time, but who takes its lines. */
    wait(on: boolean) {
      waiting = on;
      idle.refresh();
    },
    isWaiting: () => waiting && reason === null,
    why: () => reason,
    stop() {
      for (const timer of [idle, late, killer]) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

async function eachLine(stream: Readable, take: TakeLine, watch: Watchdog): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    watch.heard();
    const taken = take(line);
    if (taken === undefined) continue;
    watch.wait(true);
    await taken;
    watch.wait(false);
  }
}

/** What was printed before the end is still read; a stray child that keeps the pipe open is not waited for. */
async function drained(read: Promise<unknown>, watch: Watchdog): Promise<void> {
  const enough = new AbortController();
  const all = read.then(() => true);
  const late = () => sleep(5_000, false, enough).catch(() => false);
  while (!(await Promise.race([all, late()])) && watch.isWaiting());
  enough.abort();
}

function close({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
}
