import { mkdir } from 'node:fs/promises';
import { clearDamagedCache } from './damaged-cache.ts';
import { type BorgHome, borgBase, borgEnvironment } from './environment.ts';
import { type BorgLog, type BorgProgress, emptyLog, readLogLine } from './log.ts';
import { blot, readPassphrase } from './passphrase.ts';
import { type ProcessEnd, runLeashed, type TakeLine } from './process.ts';
import { borgFailure, isWarning } from './sentences.ts';
import { BorgError, type BorgRepository } from './types.ts';

export interface BorgOptions extends BorgHome {
  /** The program. Default `borg`. */
  borg?: string | undefined;
  /** Default 30 min: borg prints several lines a second while it works, and none while it hangs. */
  idleMs?: number | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** How long borg waits for a lock of somebody else. Default 10 min. */
  lockWaitSeconds?: number | undefined;
  onProgress?: ((progress: BorgProgress) => void) | undefined;
  /** What it takes is not in the result. */
  onLine?: TakeLine | undefined;
  /** Takes each path that `--list` names, and the letter that says what became of it. */
  onStatus?: ((letter: string, path: string) => void) | undefined;
  /** Takes each message of level WARNING and above: the result has the first hundred. */
  onWarning?: ((message: string) => void) | undefined;
  /** Takes what a person is to know of the call and Borg does not say: no warning. */
  onNote?: ((sentence: string) => void) | undefined;
  /** Puts the command into another one, such as `unshare`. */
  wrap?: ((argv: string[]) => string[]) | undefined;
}

export interface BorgResult {
  /** 0, or a warning: 1, 100 to 125. `borg check` ends with 1 where it found damage. */
  exitCode: number;
  stdout: string;
  /** What borg warned of; never empty where the exit code is a warning. */
  warnings: string[];
  /** Letter of --list -> how many files had it. */
  statuses: Record<string, number>;
}

/**
 * One call of borg: `args` as a person would type them, sub-command first. Secrets reach it by file only, and no
 * message has them. Throws BorgError with a sentence for people.
 */
export async function callBorg(
  args: string[],
  repository: BorgRepository,
  options: BorgOptions,
): Promise<BorgResult> {
  const first = emptyLog();
  try {
    return await callOnce(args, repository, options, first);
  } catch (error) {
    const isMended = await clearDamagedCache(first, repository.location, borgBase(options));
    if (!isMended) throw error;
    options.onNote?.(madeAgain(repository));
    return await callOnce(args, repository, options, emptyLog());
  }
}

function madeAgain({ location }: BorgRepository): string {
  return `Borg's cache of ${location} was damaged, as a power cut leaves it; it was removed and is made again out of the repository, which takes longer this once`;
}

async function callOnce(
  args: string[],
  repository: BorgRepository,
  options: BorgOptions,
  log: BorgLog,
): Promise<BorgResult> {
  const secret = await readPassphrase(repository);
  await mkdir(borgBase(options), { recursive: true, mode: 0o700 });
  const take = progressTaker(log, options);
  try {
    const end = await runLeashed(wholeArgv(args, options), {
      ...processOptions(options),
      works: repository.location,
      env: { ...(await borgEnvironment(repository, options)), ...libraries(args) },
      onErrorLine: (line) => take(blot(line, secret)),
    });
    return resultOf(end, log, repository);
  } catch (error) {
    if (!(error instanceof BorgError)) throw error;
    throw new BorgError(blot(error.message, secret), error);
  }
}

/** Borg loads the library for mounts whatever it is called for: a quarter of all that a short call costs. */
function libraries([command]: string[]): Record<string, string> {
  return command === 'mount' ? {} : { BORG_FUSE_IMPL: 'none' };
}

function processOptions({ idleMs = 1_800_000, timeoutMs, signal, onLine }: BorgOptions) {
  return { idleMs, timeoutMs, signal, onLine };
}

/** What a person would not type: output for machines, and patience. */
function wholeArgv([command = '', ...rest]: string[], options: BorgOptions): string[] {
  const { borg = 'borg', lockWaitSeconds = 600, wrap = (argv) => argv } = options;
  const manners = inNoHurry.includes(command) ? ['nice', '-n', '10'] : [];
  return wrap([...manners, borg, command, '--log-json', '--lock-wait', String(lockWaitSeconds), ...rest]);
}

/** Nobody waits for these; somebody waits for the services that run meanwhile, above all for one that is down. */
const inNoHurry = ['create', 'check', 'compact'];

function progressTaker(log: BorgLog, { onProgress, ...takers }: BorgOptions): (line: string) => void {
  let progress: BorgProgress = { files: 0, bytes: 0, totalBytes: null, at: null };
  return (line) => {
    const news = readLogLine(line, log, takers);
    if (news === null) return;
    progress = { ...progress, ...news };
    onProgress?.(progress);
  };
}

function resultOf({ exitCode, stdout }: ProcessEnd, log: BorgLog, repository: BorgRepository): BorgResult {
  if (exitCode !== 0 && !isWarning(exitCode)) throw borgFailure(exitCode, log, repository);
  const silent = exitCode !== 0 && log.warnings.length === 0;
  const warnings = silent ? [`borg ended with the warning ${exitCode}`] : log.warnings;
  return { exitCode, stdout, warnings, statuses: log.statuses };
}
