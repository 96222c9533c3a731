import { type RunOptions, type RunResult, run, runLines, ToolError } from '../../tools/run.ts';
import { StepError } from './types.ts';

/** Programs by another name or path than their own, for tests and odd machines. */
export interface Commands {
  zfs?: string;
  zpool?: string;
  docker?: string;
  /** What takes the place of `docker compose`. */
  compose?: string[];
  groupadd?: string;
  borg?: string;
  unshare?: string;
  mount?: string;
  setpriv?: string;
}

export interface ToolOptions {
  commands: Commands;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

type CallOptions = ToolOptions & Pick<RunOptions, 'cwd' | 'env' | 'inheritEnv' | 'input'>;
type Sentence = (stderr: string) => string;

/**
 * Runs a program and gives its stdout. Throws StepError: the tool is missing, hangs, prints more than 64 MiB, or exits
 * non-zero, in which case `sentence` picks out of stderr what a person should read.
 */
export async function callTool(
  argv: string[],
  options: CallOptions,
  sentence: Sentence = firstLine,
): Promise<string> {
  try {
    const result = await run(...calling(argv, options));
    requireSuccess(argv, result, sentence);
    return result.stdout;
  } catch (error) {
    throw asStepError(error);
  }
}

/** The same for what may print any amount: its lines in batches, none of them kept. */
export async function* toolLines(argv: string[], options: CallOptions): AsyncGenerator<string[]> {
  try {
    requireSuccess(argv, yield* runLines(...calling(argv, options)), firstLine);
  } catch (error) {
    throw asStepError(error);
  }
}

function calling(argv: string[], options: CallOptions): [string, string[], RunOptions] {
  const { commands, signal, ...rest } = options;
  const [file = '', ...args] = programOf(argv, commands);
  // Whether a step is cut short is decided here, not by a terminal.
  return [file, args, { ...rest, apart: true, ...(signal === undefined ? {} : { signal }) }];
}

function requireSuccess(argv: string[], { exitCode, stdout, stderr }: RunResult, sentence: Sentence): void {
  if (exitCode === 0) return;
  const said = sentence(stderr) || sentence(stdout) || `exit code ${exitCode}`;
  throw new StepError(`${nameOf(argv)} failed: ${said}`);
}

function asStepError(error: unknown): unknown {
  if (!(error instanceof ToolError)) return error;
  return new StepError(error.message, { retryable: error.retryable, cause: error });
}

function programOf(argv: string[], commands: Commands): string[] {
  const [tool = '', ...args] = argv;
  if (tool === 'docker' && args[0] === 'compose' && commands.compose !== undefined)
    return [...commands.compose, ...args.slice(1)];
  return [commands[tool as Exclude<keyof Commands, 'compose'>] ?? tool, ...args];
}

/** `docker compose up`, `zfs create`: as much of the command as says which it was. */
function nameOf([tool = '', ...args]: string[]): string {
  const words = args.filter((arg) =>
    /^(compose|up|down|restart|create|set|mount|inherit|get|list|snapshot|destroy)$/.test(arg),
  );
  return [tool, ...words.slice(0, 2)].join(' ');
}

/** What zfs and groupadd print first is the fault; usage and advice follow. */
export function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.trim() ?? '';
}
