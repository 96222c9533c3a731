import { composeEnvironment, composeProgram } from '../../tools/compose.ts';
import { type RunResult, run, ToolError } from '../../tools/run.ts';
import type { SecretBox } from '../../tools/secrets/box.ts';
import { anyPlace, ownMemory, type PrivateMemory, withPrivateFiles } from '../../tools/secrets/env-files.ts';
import { SecretError } from '../../tools/secrets/error.ts';
import { keyedDigest } from '../../tools/secrets/mask-key.ts';
import { growthProblems } from './bounds.ts';
import { runCompose } from './command.ts';
import { complaints } from './complaint.ts';
import { inputKey } from './inputs.ts';
import { maskSecrets } from './mask.ts';
import { openRequest } from './opened.ts';
import { environmentValues, longEnough, readSources, secretValues } from './sources.ts';
import type { ComposeReader, ComposeRequest, ComposeResult, ResolvedProject, TextCache } from './types.ts';
import { unsetProblems, unsetVariables } from './unset.ts';
import { withVariableTexts } from './variables.ts';

export interface DockerComposeOptions {
  cache: TextCache;
  /** argv before compose's own options. Default: the docker command's plugin. */
  dockerCompose?: string[];
  /** Opens encrypted environment files. What is in them lies in `memory` meanwhile. */
  secrets?: SecretBox;
  memory?: PrivateMemory;
  /** Key of the digests that stand for values. */
  maskKey?: Uint8Array;
}

/** Remembered results of one process; more than any lab has services. */
const maxRemembered = 1_000;

/**
 * The real docker compose. What it says is remembered by the content of everything that goes in (decision 0003);
 * only masked projects and hashes leave this file. Throws ToolError where compose is missing or too old.
 */
export async function dockerComposeReader(options: DockerComposeOptions): Promise<ComposeReader> {
  const prefix = options.dockerCompose ?? composeProgram();
  const version = await composeVersion(prefix);
  const { maskKey } = options;
  // Under another key the same values are shown by other digests.
  const keyed = maskKey === undefined ? '' : ` ${keyedDigest(maskKey, 'compose').slice(0, 12)}`;
  const { remember, learn } = remembering(options.cache, `${version}${keyed}`);
  return {
    name: `docker compose ${version}`,
    resolve: (request) =>
      resolve(request, remember, () =>
        opened(request, options, async (full, last) => mayBeKept(await ask(prefix, full, maskKey), last)),
      ),
    hashes: (request) =>
      remember('hashes', request, () =>
        opened(request, options, (full) => hashes(prefix, full)).catch((error: unknown) => {
          throw error instanceof Refusal ? noHashes(request, 'too much to read') : error;
        }),
      ),
    learn: (request, stamped) => learn('hashes', request, stamped),
  };
}

/** The request with plain files for what is encrypted, which are gone afterwards. Throws ToolError. */
async function opened<T>(
  request: ComposeRequest,
  { secrets, memory = ownMemory() }: DockerComposeOptions,
  action: (full: ComposeRequest, last: string[]) => Promise<T>,
): Promise<T> {
  try {
    const { first, last } = await openRequest(request, secrets);
    const place = last.length === 0 ? anyPlace() : memory;
    const problems = await growthProblems({ ...request, first, last });
    if (problems.length > 0) throw new Refusal({ ok: false, problems });
    return await withPrivateFiles([...first, ...last], place, (files) => {
      const [before, after] = [files.slice(0, first.length), files.slice(first.length)];
      return action({ ...request, envFiles: [...before, ...request.envFiles, ...after] }, last);
    });
  } catch (cause) {
    if (!(cause instanceof SecretError)) throw cause;
    throw new ToolError('docker compose', cause.message, { retryable: true, cause });
  }
}

async function composeVersion(prefix: string[]): Promise<string> {
  const [file = '', ...args] = prefix;
  const options = { env: composeEnvironment(), inheritEnv: false };
  const { exitCode, stdout, stderr } = await run(file, [...args, 'version', '--short'], options);
  const version = stdout.trim().replace(/^v/, '');
  if (exitCode !== 0 || !/^\d+\.\d+/.test(version)) {
    throw new ToolError(prefix.join(' '), `docker compose is not installed: ${lastLine(stderr)}`, {
      retryable: false,
    });
  }
  if (Number(version.split('.')[0]) < 2) {
    throw new ToolError(prefix.join(' '), `docker compose ${version} is too old, 2.20 is needed`, {
      retryable: false,
    });
  }
  return version;
}

/** What is remembered, and how many forms it has had: one of an older Steward is asked anew. */
const forms = { project: 4, hashes: 2 };
type What = keyof typeof forms;

type Remember = <T>(what: What, request: ComposeRequest, make: () => Promise<T>) => Promise<T>;

type Learn = (what: What, request: ComposeRequest, value: unknown) => Promise<void>;

/** Looks in this process, then in the cache, then asks, once for all who want it. What `make` throws is forgotten. */
function remembering(cache: TextCache, version: string): { remember: Remember; learn: Learn } {
  const memory = new Map<string, Promise<unknown>>();
  const keyOf = async (what: What, request: ComposeRequest) => {
    const inputs = await inputKey(request, version);
    return inputs === null ? null : `compose:${what}:${forms[what]}:${inputs}`;
  };
  const remember = async <T>(what: What, request: ComposeRequest, make: () => Promise<T>): Promise<T> => {
    const key = await keyOf(what, request);
    if (key === null) return make();
    const pending = memory.get(key) ?? throughCache(cache, key, make);
    if (memory.size >= maxRemembered) memory.clear();
    memory.set(key, pending);
    pending.catch(() => memory.delete(key));
    return structuredClone((await pending) as T);
  };
  const learn: Learn = async (what, request, value) => {
    const key = await keyOf(what, request);
    if (key === null) return;
    memory.set(key, Promise.resolve(value));
    cache.set(key, JSON.stringify(value));
  };
  return { remember, learn };
}

async function throughCache(cache: TextCache, key: string, make: () => Promise<unknown>): Promise<unknown> {
  const stored = parsed(cache.get(key));
  if (stored !== undefined) return stored;
  const value = await make();
  cache.set(key, JSON.stringify(value));
  return value;
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A torn entry is as good as none.
    return undefined;
  }
}

/** Carries a result past the memory: only good ones are kept. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly result: ComposeResult;
  constructor(result: ComposeResult) {
    super('compose refuses the files');
    this.result = result;
  }
}

async function resolve(
  request: ComposeRequest,
  remember: Remember,
  make: () => Promise<ResolvedProject>,
): Promise<ComposeResult> {
  try {
    const project = await remember<ResolvedProject>('project', request, make);
    return { ok: true, project, unresolved: [] };
  } catch (error) {
    if (error instanceof Refusal) return error.result;
    throw error;
  }
}

async function ask(
  prefix: string[],
  request: ComposeRequest,
  maskKey: Uint8Array | undefined,
): Promise<ResolvedProject> {
  const result = await runCompose(prefix, request, ['config', '--format', 'json']);
  if (result.exitCode !== 0) throw await refused(request, result);
  const unset = unsetVariables(result.stderr);
  if (unset.length > 0) {
    const problems = unsetProblems(unset, await readSources(request));
    throw new Refusal({ ok: false, problems });
  }
  const project = JSON.parse(result.stdout) as ResolvedProject;
  const whole = await withVariableTexts(project, { ...request, first: [], last: [] });
  return maskSecrets(whole, maskKey);
}

/** What shows a value of an encrypted file is a mistake that is told next; meanwhile it is kept nowhere. */
function mayBeKept(project: ResolvedProject, encrypted: string[]): ResolvedProject {
  const text = JSON.stringify(project);
  const values = encrypted.flatMap(environmentValues).filter(({ length }) => length >= longEnough);
  const isShown = values.some((value) => text.includes(JSON.stringify(value).slice(1, -1)));
  if (isShown) throw new Refusal({ ok: true, project, unresolved: [] });
  return project;
}

async function refused(request: ComposeRequest, result: RunResult): Promise<Refusal> {
  const [sources, secrets] = await Promise.all([readSources(request), secretValues(request)]);
  const unset = unsetProblems(unsetVariables(result.stderr), sources);
  // An empty variable often is the very cause of the refusal, so it comes first.
  return new Refusal({ ok: false, problems: [...unset, ...complaints(result.stderr, sources, secrets)] });
}

async function hashes(prefix: string[], request: ComposeRequest): Promise<Record<string, string>> {
  const model = await modelForHash(prefix, request);
  const result = await runCompose(prefix, request, ['config', '--hash', '*'], model);
  if (result.exitCode !== 0) {
    // Its words may hold values of the environment; `resolve` of the same request says them with care.
    throw noHashes(request, `exit ${result.exitCode}`);
  }
  const pairs = result.stdout.trim().split('\n').filter(Boolean);
  return Object.fromEntries(pairs.map((line) => line.trim().split(/\s+/, 2) as [string, string]));
}

function noHashes({ project }: ComposeRequest, why: string): ToolError {
  const message = `docker compose gives no hashes for ${project} (${why})`;
  return new ToolError('docker compose', message, { retryable: false });
}

/**
 * `config --hash` of 2.26 leaves the contents of env_file out, while `up` hashes the container as it will run. So
 * where such files may be named, the hash is asked of the resolved project, where they are environment already.
 */
async function modelForHash(prefix: string[], request: ComposeRequest): Promise<string | undefined> {
  const sources = await readSources(request);
  const named = sources.some(({ text }) => /env_file|label_file|include|extends/.test(text));
  if (!named) return undefined;
  const { exitCode, stdout } = await runCompose(prefix, request, ['config', '--format', 'json']);
  return exitCode === 0 ? stdout : undefined;
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
