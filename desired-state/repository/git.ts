import { type SimpleGitOptions, simpleGit } from 'simple-git';
import { explain } from './sentence.ts';
import type { Source } from './source.ts';
import { RepositoryError, type RepositoryOptions } from './types.ts';

export interface GitCall {
  gitDir?: string;
  workTree?: string;
  indexFile?: string;
  /** Where GPG finds the keys that it may believe. */
  gpgHome?: string;
  signal?: AbortSignal | undefined;
  /** For messages; default: the repository's URL. */
  where?: string;
}

/** One git command by argv; its stdout. Throws RepositoryError, also after the timeout. */
export type Git = (args: string[], call?: GitCall) => Promise<string>;

/** Of our own environment, git and ssh see only these: nothing of it can change what git runs. */
const passed = [
  'PATH', 'HOME', 'USER', 'SSH_AUTH_SOCK', 'TMPDIR',
  'http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY',
]; // biome-ignore format: one line a group

/**
 * simple-git refuses what lets a caller's data choose programs or configuration. Each exception is for a value that
 * is made here: GIT_CONFIG_GLOBAL is our own file, GIT_SSH_COMMAND our own line.
 */
const guards: Partial<SimpleGitOptions> = {
  unsafe: { allowUnsafeConfigPaths: true, allowUnsafeSshCommand: true },
  allowEnvironment: [
    'GIT_CONFIG_NOSYSTEM', 'GIT_CONFIG_GLOBAL', 'GIT_ATTR_NOSYSTEM', 'GIT_TERMINAL_PROMPT', 'GIT_OPTIONAL_LOCKS',
    'GIT_NO_REPLACE_OBJECTS', 'GIT_CEILING_DIRECTORIES', 'GIT_SSH_COMMAND', 'GIT_SSH_VARIANT', 'GIT_DIR',
    'GIT_WORK_TREE', 'GIT_INDEX_FILE',
  ], // biome-ignore format: one line a group
};

/** Git with our own configuration file, in `stateDir`, and nobody else's. */
export function gitRunner(options: RepositoryOptions, source: Source, configFile: string): Git {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const shared = sharedEnvironment(options, source, configFile);
  return async (args, call = {}) => {
    const where = call.where ?? source.shown;
    const deadline = AbortSignal.timeout(timeoutMs);
    const abort = call.signal === undefined ? deadline : AbortSignal.any([deadline, call.signal]);
    try {
      const env = { ...shared, ...callEnvironment(call) };
      return await simpleGit({ ...guards, baseDir: options.stateDir, abort, completion, errors })
        .env(env)
        .outputHandler(endPromptly)
        .raw(args);
    } catch (error) {
      if (call.signal?.aborted) throw new RepositoryError('stopped', { retryable: true, cause: error });
      if (deadline.aborted) {
        const message = `${where}: no answer within ${timeoutMs / 1000} s`;
        throw new RepositoryError(message, { retryable: true, timedOut: true, cause: error });
      }
      if (/ENOENT/.test(String(error)) && /spawn git/.test(String(error))) {
        throw new RepositoryError('git is not installed', { retryable: false, cause: error });
      }
      throw explain(where, (error as Error).message, error);
    }
  };
}

/** A killed git may leave an ssh behind that holds the pipes for a while; do not wait for it. */
const completion = { onClose: true, onExit: 500 };

/**
 * simple-git waits 50 ms more after a git that printed nothing, in case output is late. By 'close' there can be none,
 * and most of our calls print nothing: an empty chunk at the end spares ten of these waits in every promote.
 */
function endPromptly(_command: string, stdout: NodeJS.ReadableStream): void {
  stdout.once('end', () => stdout.emit('data', Buffer.alloc(0)));
}

/** By default simple-git takes a non-zero exit with nothing on stderr for success. */
const errors: NonNullable<SimpleGitOptions['errors']> = (error, { exitCode }) =>
  error ?? (exitCode === 0 ? undefined : Buffer.from(`exited ${exitCode}`));

function callEnvironment(call: GitCall): Record<string, string> {
  return {
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
    ...(call.indexFile === undefined ? {} : { GIT_INDEX_FILE: call.indexFile }),
    ...(call.gpgHome === undefined ? {} : { GNUPGHOME: call.gpgHome }),
  };
}

function sharedEnvironment(
  options: RepositoryOptions,
  source: Source,
  configFile: string,
): Record<string, string> {
  const inherited = passed.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: configFile,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_CEILING_DIRECTORIES: options.stateDir,
    GIT_SSH_COMMAND: sshCommand(options.credentials ?? {}),
    GIT_SSH_VARIANT: 'ssh',
    ...secretEnvironment(options, source),
  };
}

/** Read by the credential helper in config.ts. A password reaches git by environment, never by argv. */
function secretEnvironment(options: RepositoryOptions, source: Source): Record<string, string> {
  const { username, tokenFile } = options.credentials ?? {};
  return {
    STEWARD_GIT_USERNAME: username ?? source.urlUsername ?? 'git',
    STEWARD_GIT_PASSWORD: source.urlPassword ?? '',
    STEWARD_GIT_TOKEN_FILE: tokenFile ?? '',
  };
}

/** Host keys are always verified and never learnt; nothing is ever asked; a dead server is given up. */
function sshCommand(credentials: NonNullable<RepositoryOptions['credentials']>): string {
  const { sshKeyFile, knownHostsFile } = credentials;
  const settings = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    'ConnectTimeout=15',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=2',
    ...(sshKeyFile === undefined ? [] : ['IdentitiesOnly=yes']),
    ...(knownHostsFile === undefined
      ? []
      : [`UserKnownHostsFile=${sshPath(knownHostsFile)}`, 'GlobalKnownHostsFile=/dev/null']),
  ];
  const key = sshKeyFile === undefined ? [] : ['-i', sshKeyFile];
  return ['ssh', ...settings.flatMap((setting) => ['-o', setting]), ...key].map(quoted).join(' ');
}

/** UserKnownHostsFile takes a list with tokens: blanks part it, `%` begins a token. */
function sshPath(file: string): string {
  return `"${file.replaceAll('%', '%%')}"`;
}

/** Git hands GIT_SSH_COMMAND to a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
