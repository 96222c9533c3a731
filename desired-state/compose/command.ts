import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { composeEnvironment } from '../../tools/compose.ts';
import { type RunResult, run, ToolError } from '../../tools/run.ts';
import { overrideYaml } from './override.ts';
import type { ComposeRequest, View } from './types.ts';

/** What compose is asked, every file as if the view stood at `view.as`. The override comes last, on stdin. */
export function composeArguments(request: ComposeRequest): string[] {
  const directory = path.posix.join(request.view.as, request.folder);
  const envFiles = request.envFiles.map((file) => seenAs(request.view, file));
  return [
    '--project-name',
    request.project,
    '--project-directory',
    directory,
    ...request.files.flatMap((file) => ['-f', file === '-' ? file : path.posix.join(directory, file)]),
    ...(hasLabels(request) ? ['-f', '-'] : []),
    // Without any, compose would read the folder's .env by itself.
    ...(envFiles.length === 0 ? ['/dev/null'] : envFiles).flatMap((file) => ['--env-file', file]),
  ];
}

/** A path below the view's root as it is called below `view.as`; any other path stays. */
export function seenAs(view: View, file: string): string {
  return moved(file, view.root, view.as);
}

/** The opposite: where a path of the result can be read now. */
export function readableAt(view: View, file: string): string {
  return moved(file, view.as, view.root);
}

function moved(file: string, from: string, to: string): string {
  const relative = path.relative(from, file);
  const inside = !relative.startsWith('..') && !path.isAbsolute(relative);
  return inside ? path.join(to, relative) : file;
}

function hasLabels(request: ComposeRequest): boolean {
  return Object.keys(request.extraLabels).length > 0;
}

/** Runs compose in the request's view. A refusal of compose is a result; throws ToolError where it cannot run. */
export async function runCompose(
  prefix: readonly string[],
  request: ComposeRequest,
  command: string[],
  /** A resolved project as JSON, read in place of the request's files. */
  model?: string,
): Promise<RunResult> {
  const input = model ?? (hasLabels(request) ? overrideYaml(request.extraLabels) : undefined);
  const asked = model === undefined ? request : { ...request, files: ['-'], envFiles: [], extraLabels: {} };
  const argv = [...prefix, ...composeArguments(asked), ...command];
  const [file = '', ...args] = await inView(request.view, argv);
  const result = await run(file, args, {
    env: composeEnvironment(),
    inheritEnv: false,
    timeoutMs,
    ...(input === undefined ? {} : { input }),
  });
  if (mountFailed(result)) {
    const reason = result.stderr.trim().split('\n').at(-1);
    throw new ToolError('unshare', `the commit could not be shown to compose: ${reason}`, {
      retryable: true,
    });
  }
  return result;
}

/** It takes a tenth of a second; a small computer that is busy with other things has been seen to need half a minute. */
const timeoutMs = 120_000;

/** Exit codes that neither compose nor `docker` uses. */
const mountExit = 97;

function mountFailed(result: RunResult): boolean {
  return result.exitCode === mountExit || /^unshare: /m.test(result.stderr);
}

/** The hash holds absolute paths, so a staged commit is mounted where the checkout will be, for this call only. */
async function inView(view: View, argv: string[]): Promise<string[]> {
  if (path.resolve(view.root) === path.resolve(view.as)) return argv;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new ToolError('unshare', 'reading a staged commit with docker compose needs root on Linux', {
      retryable: false,
    });
  }
  await mountPoint(view);
  const script = `mount --bind "$1" "$2" || exit ${mountExit}; shift 2; exec "$@"`;
  return ['unshare', '-m', 'sh', '-c', script, 'sh', view.root, view.as, ...argv];
}

/** Before the first commit is in force there is no checkout; the repository makes the same directory. */
async function mountPoint(view: View): Promise<void> {
  try {
    await mkdir(view.as, { recursive: true, mode: 0o755 });
  } catch (cause) {
    const message = `${view.as} cannot be made, so no commit can be shown there`;
    throw new ToolError('unshare', message, { retryable: true, cause });
  }
}
