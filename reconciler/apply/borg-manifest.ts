import { mkdir } from 'node:fs/promises';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { type ArchiveItem, parseItem } from '../../tools/borg/items.ts';
import { leashed } from '../../tools/borg/leash.ts';
import { run, ToolError } from '../../tools/run.ts';
import { tally } from '../proof/sample.ts';
import type { BorgManifest, Manifest, SampledFile } from '../types.ts';
import { mountedArgv, mountRoot, notMounted } from './backup-argv.ts';
import { borg } from './borg.ts';
import type { CreateOptions } from './borg-create.ts';
import { listArgs } from './proof-argv.ts';
import { StepError, type StepFacts } from './types.ts';

/** A sample may be many gigabytes on a slow disk. */
const readTimeoutMs = 6 * 3_600_000;

/**
 * What the archive must restore to. Which things are in it borg says; what they are like, the snapshot itself: sizes,
 * owners, modes and bytes of the sample are read from there, and whether anything is missing is counted there.
 */
export async function takeManifest(step: BorgManifest, options: CreateOptions): Promise<StepFacts> {
  const { archive, repository } = step;
  const all = tally(archive);
  await listItems(step, options, (item) => all.take(item));
  const chosen = all.sample();
  const { entries, sample } = await readSnapshot(step, chosen, options);
  if (step.whole && entries !== all.entries)
    throw new StepError(`${archive} holds ${all.entries} files and folders, its snapshot ${entries}`);
  const wrong = chosen.find((item, index) => !agrees(item, sample[index]));
  if (wrong !== undefined)
    throw new StepError(
      `${wrong.path} is in ${repository.location}::${archive} otherwise than in its snapshot`,
    );
  const manifest: Manifest = { archive, entries: all.entries, bytes: all.bytes, sample };
  return { manifest };
}

/** All that is in the archive, one at a time. */
export async function listItems(
  { repository, archive }: Pick<BorgManifest, 'repository' | 'archive'>,
  options: BorgOptions,
  take: (item: ArchiveItem) => void,
): Promise<void> {
  const onLine = (line: string) => (line === '' ? undefined : take(parseItem(line)));
  await borg(listArgs(repository.location, archive), repository, { ...options, onLine });
}

function agrees(item: ArchiveItem, found: SampledFile | undefined): boolean {
  return (
    found !== undefined &&
    item.size === found.size &&
    item.mode === found.mode &&
    item.uid === found.uid &&
    item.gid === found.gid
  );
}

/** Sockets are counted by nobody: borg leaves them out. */
const script =
  'find . ! -type s -printf x | wc -c; test $# = 0 || { stat --printf "%s %u %g %A\\n" -- "$@" && sha256sum -z -- "$@"; }';

async function readSnapshot(
  step: BorgManifest,
  chosen: ArchiveItem[],
  { runDir, commands, signal }: CreateOptions,
): Promise<{ entries: number; sample: SampledFile[] }> {
  await mkdir(mountRoot(runDir, step.at), { recursive: true, mode: 0o700 });
  const paths = chosen.map(({ path }) => `./${path}`);
  const argv = leashed(mountedArgv(step, runDir, ['sh', '-c', script, 'sh', ...paths], commands));
  const output = await read(step, argv, signal);
  const lines = output.split('\n');
  const hashes = lines
    .slice(1 + chosen.length)
    .join('\n')
    .split('\0');
  const sample = chosen.map(({ path }, index) => {
    const [size, uid, gid, mode = ''] = (lines[1 + index] ?? '').split(' ');
    const sha256 = (hashes[index] ?? '').slice(0, 64);
    return { path, size: Number(size), uid: Number(uid), gid: Number(gid), mode, sha256 };
  });
  return { entries: Number(lines[0]), sample };
}

async function read(
  step: BorgManifest,
  [file = '', ...args]: string[],
  signal?: AbortSignal,
): Promise<string> {
  try {
    const given = signal === undefined ? {} : { signal };
    const env = { LC_ALL: 'C', PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
    const result = await run(file, args, { timeoutMs: readTimeoutMs, env, inheritEnv: false, ...given });
    if (result.exitCode === 0) return result.stdout;
    const said = result.stderr.trim().split('\n').at(-1) ?? '';
    const what = result.exitCode === notMounted ? 'could not be mounted' : 'could not be read again';
    throw new StepError(`the snapshots of ${step.at} ${what} for the manifest: ${said}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new StepError(error.message, { retryable: error.retryable, cause: error });
  }
}
