import { createHash } from 'node:crypto';
import { createReadStream, lstatSync } from 'node:fs';
import path from 'node:path';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { findArgs, type Totals } from '../proof/listing.ts';
import { differencesOf } from '../proof/tree-difference.ts';
import type { Manifest, ProofStep, SampledFile } from '../types.ts';
import { modeText } from './file-mode.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import {
  keptRecords,
  keptTotals,
  type ListingPlace,
  listTree,
  rawRecords,
  totalsOf,
  whileListing,
} from './listing.ts';
import type { StepFacts } from './types.ts';

type CompareStep = Extract<ProofStep, { op: 'borg-compare' }>;

/**
 * Whether what was restored is what the snapshot held: everything by path, type, owner, mode, size and target of a
 * link, and the sample byte by byte. The archive is not asked.
 */
export async function compareRestored(
  step: CompareStep,
  options: BorgOptions,
  readMountinfo: ReadMountinfo | undefined,
): Promise<StepFacts> {
  const { guard, manifest } = step;
  const found = await whileMounted([guard], readMountinfo, () => firstDifference(step, options));
  const drill = { archive: manifest.archive, entries: manifest.entries, difference: null };
  if (found === null) return { drill };
  const difference = `${manifest.archive} does not restore to what was archived: ${found}`;
  return { drill: { ...drill, difference }, failed: difference };
}

async function firstDifference(
  { manifest, repository, guard: { mountpoint } }: CompareStep,
  { stateDir, signal }: BorgOptions,
): Promise<string | null> {
  const tree = await whileListing(stateDir, repository.location, async (place) => {
    const what = () => `what was restored to ${mountpoint} could not be read`;
    await listTree(['find', ...findArgs(mountpoint, place.raw)], place, what, signal);
    return await treeDifference(manifest, await totalsOf(place), place);
  });
  return tree ?? (await sampleDifference(manifest, mountpoint, signal));
}

/** A manifest without a listing is of an earlier Steward: it counted a file with several names once. */
async function treeDifference(
  manifest: Manifest,
  found: Totals,
  place: ListingPlace,
): Promise<string | null> {
  const { listing, entries, bytes } = manifest;
  if (listing === found.sha256) return null;
  if (listing === undefined && found.entries === entries && found.bytes >= bytes) return null;
  const counts = `there are ${found.entries} files and folders with ${found.bytes} bytes, not ${entries} with ${bytes}`;
  const isAsMuch = found.entries === entries && found.bytes === bytes;
  return [...(isAsMuch ? [] : [counts]), ...(await namedDifferences(listing, place))].join('; ');
}

async function namedDifferences(listing: string | undefined, place: ListingPlace): Promise<string[]> {
  if (listing === undefined) return [];
  if ((await keptTotals(place))?.sha256 !== listing)
    return [
      `paths differ; which ones cannot be said, as ${place.kept} is not the list of that archive any more`,
    ];
  const { count, first } = await differencesOf(keptRecords(place), rawRecords(place));
  return [...first, ...(count > first.length ? [`and ${count - first.length} more`] : [])];
}

async function sampleDifference(
  { sample }: Manifest,
  root: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  for (const file of sample) {
    signal?.throwIfAborted();
    const different = fileDifference(file, path.join(root, file.path));
    if (different !== null) return `${file.path} ${different}`;
    if ((await sha256(path.join(root, file.path))) !== file.sha256) return `${file.path} has other content`;
  }
  return null;
}

/** Null where they agree. With a listing it has said so already. */
function fileDifference({ size, uid, gid, mode }: SampledFile, place: string): string | null {
  const found = lstatSync(place, { throwIfNoEntry: false });
  if (found === undefined) return 'is missing';
  const differs = (what: string, is: unknown, was: unknown) => `has the ${what} ${is}, not ${was}`;
  if (found.uid !== uid || found.gid !== gid)
    return differs('owner', `${found.uid}:${found.gid}`, `${uid}:${gid}`);
  if (modeText(found.mode) !== mode) return differs('mode', modeText(found.mode), mode);
  return found.size === size ? null : differs('size', found.size, size);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
