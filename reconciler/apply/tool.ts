import { type RunOptions, run, ToolError } from '../../tools/run.ts';
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
}

export interface ToolOptions {
  commands: Commands;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Runs a program and gives its stdout. Throws StepError: the tool is missing, hangs, or exits non-zero, in which case
 * `sentence` picks out of stderr what a person should read.
 */
export async function callTool(
  argv: string[],
  options: ToolOptions & Pick<RunOptions, 'cwd' | 'env' | 'inheritEnv' | 'input'>,
  sentence: (stderr: string) => string = firstLine,
): Promise<string> {
  const { commands, signal, ...rest } = options;
  const [file = '', ...args] = programOf(argv, commands);
  try {
    const result = await run(file, args, { ...rest, ...(signal === undefined ? {} : { signal }) });
    if (result.exitCode === 0) return result.stdout;
    const said = sentence(result.stderr) || sentence(result.stdout) || `exit code ${result.exitCode}`;
    throw new StepError(`${nameOf(argv)} failed: ${said}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new StepError(error.message, { retryable: error.retryable, cause: error });
  }
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
