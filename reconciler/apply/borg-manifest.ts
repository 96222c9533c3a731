import { constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { type LeftOut, leftOutOf } from '../proof/left-out.ts';
import { findArgs } from '../proof/listing.ts';
import { type Sampler, sampler } from '../proof/sample.ts';
import type { BorgManifest, Manifest, SampledFile } from '../types.ts';
import { borg } from './borg.ts';
import type { CreateOptions } from './borg-create.ts';
import { modeText } from './file-mode.ts';
import { keepListing, type ListingPlace, listTree, readOnly, whileListing, writeListing } from './listing.ts';
import { mountedArgv, mountRoot, notMounted } from './mounted.ts';
import { leftOutArgs, listArgs } from './proof-argv.ts';
import { StepError, type StepFacts } from './types.ts';

/**
 * What the archive must restore to, as the snapshot says it: everything that is there, and the bytes of a sample. Borg
 * is asked for nothing but what its excludes leave out. That the archive's own list is as long is found out now; what is
 * in it, a drill finds out.
 */
export async function takeManifest(step: BorgManifest, options: CreateOptions): Promise<StepFacts> {
  const { repository, archive } = step;
  return await whileListing(options.stateDir, repository.location, async (place) => {
    await mkdir(mountRoot(options.runDir, step.at), { recursive: true, mode: 0o700 });
    const leftOut = leftOutOf(await leftOutPaths(step, options));
    const chosen = sampler(archive);
    const { entries, bytes, sha256 } = await listSnapshot(step, options, place, leftOut, chosen);
    const sample = await readSample(step, chosen, options);
    const listed = await countArchive(step, options);
    await keepListing(place);
    const manifest: Manifest = { archive, entries, bytes, listing: sha256, sample };
    if (listed === entries) return { manifest };
    const failed = `${archive} holds ${listed} files and folders, its snapshot ${entries}`;
    return { manifest, failed };
  });
}

async function listSnapshot(
  step: BorgManifest,
  options: CreateOptions,
  place: ListingPlace,
  leftOut: LeftOut,
  chosen: Sampler,
) {
  await listTree(
    mounted(step, options, ['find', ...findArgs('.', place.raw)]),
    place,
    sentence(step),
    options.signal,
  );
  const totals = await writeListing(place, (entry) => {
    if (leftOut.has(entry.path)) return false;
    chosen.take(entry);
    return true;
  });
  if (leftOut.unclear === null) return totals;
  throw new StepError(
    `no manifest was taken: Borg writes several names as ${leftOut.unclear} and leaves out some of them; rename one`,
  );
}

/** The paths that borg says it leaves out of this snapshot. It reads no data for it. */
async function leftOutPaths(step: BorgManifest, options: CreateOptions): Promise<string[]> {
  if (step.excludes.length === 0) return [];
  const paths: string[] = [];
  const onStatus = (letter: string, path: string) => {
    if (letter === 'x') paths.push(path);
  };
  const wrap = (argv: string[]) => mounted(step, options, argv);
  const given = { ...options, wrap, onStatus };
  const { exitCode, warnings } = await borg(leftOutArgs(step), step.repository, given);
  if (exitCode === 0) return paths;
  throw new StepError(`Borg warned when asked what it leaves out of ${step.at}: ${warnings[0] ?? ''}`);
}

/** How much is on the archive's own list. */
async function countArchive(step: BorgManifest, options: CreateOptions): Promise<number> {
  let listed = 0;
  const onLine = (line: string) => {
    if (line !== '') listed += 1;
  };
  const args = listArgs(step.repository.location, step.archive);
  await borg(args, step.repository, { ...options, onLine });
  return listed;
}

async function readSample(
  step: BorgManifest,
  sampled: Sampler,
  options: CreateOptions,
): Promise<SampledFile[]> {
  const chosen = sampled.chosen();
  if (chosen.length === 0) return [];
  const command = ['sha256sum', '-z', '--', ...chosen.map(({ name }) => `./${name}`)];
  const output = await readOnly(mounted(step, options, command), sentence(step), options.signal);
  const hashes = output.split('\0').map((line) => line.slice(0, 64));
  return chosen.map(({ name, size, owner, mode }, index) => {
    const [uid, gid] = owner.split(':').map(Number);
    const text = modeText(constants.S_IFREG | Number.parseInt(mode, 8));
    return { path: name, size, uid: uid ?? 0, gid: gid ?? 0, mode: text, sha256: hashes[index] ?? '' };
  });
}

function mounted(step: BorgManifest, { runDir, commands }: CreateOptions, command: string[]): string[] {
  return mountedArgv(step, runDir, command, commands);
}

function sentence({ at }: BorgManifest) {
  return (exitCode: number) =>
    `the snapshots of ${at} could not be ${exitCode === notMounted ? 'mounted' : 'read again'} for the manifest`;
}
