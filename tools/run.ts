import { execa } from 'execa';

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

/**
 * Runs a program by argv (no shell) with a timeout. A non-zero exit is a result, not an error.
 * Throws ToolError when the program is missing, hangs beyond its timeout, or dies from a signal.
 */
export async function run(file: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  const timeout = options.timeoutMs ?? 30_000;
  const result = await execa(file, args, {
    reject: false,
    timeout,
    forceKillAfterDelay: 2_000,
    stripFinalNewline: false,
    maxBuffer: 64 * 1024 * 1024,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.inheritEnv === undefined ? {} : { extendEnv: options.inheritEnv }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (result.timedOut) {
    throw new ToolError(file, `${file} did not answer within ${timeout / 1000} s`, { retryable: true });
  }
  if (result.exitCode === undefined) throw startFailure(file, result);
  return { exitCode: result.exitCode, stdout: String(result.stdout), stderr: String(result.stderr) };
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
