import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { leashed } from './leash.ts';
import { BorgError } from './types.ts';

export interface ProcessOptions {
  env: Record<string, string>;
  onErrorLine: (line: string) => void;
  /** Each line of stdout, which is then not kept. */
  onLine?: ((line: string) => void) | undefined;
  /** Without a line for so long, it hangs and is ended. */
  idleMs: number;
  /** For the whole call; undefined: it may take days. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** From SIGTERM to SIGKILL. */
  graceMs?: number | undefined;
}

export interface ProcessEnd {
  /** 128 + N after signal N, as a shell has it. */
  exitCode: number;
  stdout: string;
}

/** Runs it on a leash and hands on its lines as they come. Throws BorgError: not started, hung, ended from here. */
export async function runLeashed(argv: string[], options: ProcessOptions): Promise<ProcessEnd> {
  if (options.signal?.aborted) throw new BorgError('borg was not started: Steward was told to stop');
  const [file = '', ...args] = leashed(argv);
  const child = spawn(file, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  const watch = watchdog(child, options);
  const output: string[] = [];
  const onLine = options.onLine ?? ((line: string) => output.push(line));
  const read = Promise.all([
    eachLine(child.stdout, onLine, watch.heard),
    eachLine(child.stderr, options.onErrorLine, watch.heard),
  ]);
  read.catch(() => {});
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    await drained(child, read);
    if (watch.reason() !== null) throw new BorgError(watch.reason() as string);
    return { exitCode: exitCode ?? 128 + constants.signals[signal ?? 'SIGKILL'], stdout: output.join('\n') };
  } catch (cause) {
    if (cause instanceof BorgError) throw cause;
    throw new BorgError(`borg could not be started: ${(cause as Error).message}`, { cause });
  } finally {
    watch.stop();
  }
}

/** Ends the child, gently and then not, when it hangs, is late, or nobody wants it any more. */
function watchdog(child: ChildProcess, options: ProcessOptions) {
  const { idleMs, timeoutMs, signal, graceMs = 15_000 } = options;
  let reason: string | null = null;
  let killer: NodeJS.Timeout | undefined;
  const end = (why: string): void => {
    if (reason !== null) return;
    reason = why;
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  };
  const idle = setTimeout(() => end(`borg said nothing for ${idleMs / 1000} s and was ended`), idleMs);
  const late = timeoutMs && setTimeout(() => end(`borg took longer than ${timeoutMs / 1000} s`), timeoutMs);
  const onAbort = () => end('borg was ended: Steward was told to stop');
  signal?.addEventListener('abort', onAbort);
  return {
    heard: () => void idle.refresh(),
    reason: () => reason,
    stop() {
      for (const timer of [idle, late, killer]) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

async function eachLine(stream: Readable, take: (line: string) => void, heard: () => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    heard();
    take(line);
  }
}

/** What was printed before the end is still read; a stray child that keeps the pipe open is not waited for. */
async function drained(child: ChildProcess, read: Promise<unknown>): Promise<void> {
  const enough = new AbortController();
  await Promise.race([read, sleep(5_000, undefined, enough)]).catch(() => {});
  enough.abort();
  child.stdout?.destroy();
  child.stderr?.destroy();
}
