import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { execa, type Result } from 'execa';
import { giveUpOn, patienceWith, stillThere } from './unending.ts';

export interface RunOptions {
  /** Default 30 s. The process is killed after it. */
  timeoutMs?: number;
  cwd?: string;
  /** Added to the environment of this process. Secrets go here, never into argv. */
  env?: Record<string, string>;
  /** False: `env` is the whole environment of the child. Default true. */
  inheritEnv?: boolean;
  input?: string;
  signal?: AbortSignal;
  /** What a terminal sends to all that runs in it, as Ctrl-C does, does not reach it. It ends with us at an exit. */
  apart?: boolean;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The tool could not be run to its end: missing, hung, killed. `reason` is one sentence for people. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly tool: string;
  readonly retryable: boolean;
  constructor(tool: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.tool = tool;
    this.retryable = options.retryable;
  }
}

/** Beyond it a tool is cut off: what was read is not all that it had to say. */
const mostBytes = 64 * 1024 * 1024;

/**
 * Runs a program by argv (no shell) with a timeout. A non-zero exit is a result, not an error.
 * Throws ToolError when the program is missing, hangs beyond its timeout, prints more than 64 MiB, dies from a signal,
 * or cannot be ended; until that one is gone, the same is refused.
 */
export async function run(file: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  const { end, patience } = start(file, args, options);
  try {
    return resultOf(file, options, await end);
  } finally {
    patience.stop();
  }
}

/**
 * The same for what may print any amount: gives the lines of stdout in batches as they come, and keeps none of them.
 * Who reads no further ends the program.
 */
export async function* runLines(
  file: string,
  args: string[],
  options: RunOptions = {},
): AsyncGenerator<string[], RunResult> {
  const { child, end, patience } = start(file, args, options, { buffer: { stdout: false } });
  try {
    // What cannot be ended does not end its output either.
    end.catch((error: Error) => child.stdout.destroy(error));
    yield* linesOf(child.stdout);
    return resultOf(file, options, { ...(await end), stdout: '' });
  } finally {
    child.kill();
    patience.begin();
    await end.catch(() => {});
    patience.stop();
  }
}

async function* linesOf(stdout: Readable): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of stdout.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
  if (rest !== '') yield [rest];
}

function start(file: string, args: string[], options: RunOptions, more: { buffer?: { stdout: false } } = {}) {
  const key = [file, ...args].join('\0');
  const left = stillThere(file, key);
  if (left !== null) throw new ToolError(file, left, { retryable: true });
  const child = execa(file, args, { ...more, ...optionsOf(options) });
  if (options.apart === true) endAtExit(child);
  const patience = patienceWith({ ...options, timeoutMs: timeoutOf(options) }, () => {
    const message = giveUpOn(child, file, key) ?? `${file} was ended, but not what it had started`;
    return new ToolError(file, message, { retryable: true });
  });
  return { child, patience, end: Promise.race([child, patience.over]) };
}

function optionsOf(options: RunOptions) {
  return {
    reject: false,
    timeout: timeoutOf(options),
    forceKillAfterDelay: 2_000,
    stripFinalNewline: false,
    maxBuffer: mostBytes,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.inheritEnv === undefined ? {} : { extendEnv: options.inheritEnv }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.apart === true ? { detached: true } : {}),
  };
}

const apart = new Set<ChildProcess>();

/** Execa does so for all but those that are apart. */
function endAtExit(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (!process.listeners('exit').includes(endAll)) process.on('exit', endAll);
  apart.add(child);
  child.once('exit', () => apart.delete(child));
}

function endAll(): void {
  for (const child of apart) child.kill();
}

function timeoutOf({ timeoutMs = 30_000 }: RunOptions): number {
  return timeoutMs;
}

type Ended = Pick<Result, 'timedOut' | 'isMaxBuffer' | 'exitCode' | 'signal' | 'code' | 'stdout' | 'stderr'>;

function resultOf(file: string, options: RunOptions, result: Ended): RunResult {
  if (result.timedOut) {
    const seconds = timeoutOf(options) / 1000;
    throw new ToolError(file, `${file} did not answer within ${seconds} s`, { retryable: true });
  }
  // Looked at before the exit code: that of a tool whose output was cut off may be 0.
  if (result.isMaxBuffer)
    throw new ToolError(file, saidTooMuch(file, String(result.stderr)), { retryable: true });
  if (result.exitCode === undefined) throw startFailure(file, result);
  return { exitCode: result.exitCode, stdout: String(result.stdout), stderr: String(result.stderr) };
}

function saidTooMuch(file: string, stderr: string): string {
  const first = stderr.slice(0, 1000).trim().split('\n')[0] ?? '';
  return `${file} printed more than 64 MiB and was cut off${first === '' ? '' : `: ${first}`}`;
}

/** Like `run`, and a non-zero exit throws ToolError with the last line that the tool printed. */
export async function runOk(file: string, args: string[], options: RunOptions = {}): Promise<string> {
  const result = await run(file, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = lastLine(result.stderr) || lastLine(result.stdout) || 'and printed nothing';
  const message = `${file} ${args[0] ?? ''} exited ${result.exitCode}: ${said}`;
  throw new ToolError(file, message, { retryable: true });
}

function startFailure(
  file: string,
  result: { signal?: string | undefined; code?: string | undefined },
): ToolError {
  if (result.code === 'ENOENT') {
    return new ToolError(file, `${file} is not installed`, { retryable: false, cause: result });
  }
  const how = result.signal ? `was ended by ${result.signal}` : `could not be started (${result.code})`;
  return new ToolError(file, `${file} ${how}`, { retryable: true, cause: result });
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
