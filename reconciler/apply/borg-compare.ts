import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { opendir } from 'node:fs/promises';
import path from 'node:path';
import type { BorgOptions } from '../../tools/borg/call.ts';
import { type ArchiveItem, isExact } from '../../tools/borg/items.ts';
import type { Manifest, ProofStep } from '../types.ts';
import { listItems } from './borg-manifest.ts';
import { modeText } from './file-mode.ts';
import { type ReadMountinfo, whileMounted } from './guard.ts';
import type { StepFacts } from './types.ts';

type CompareStep = Extract<ProofStep, { op: 'borg-compare' }>;

/**
 * Whether what was restored is what was archived: everything against the archive's own list, the sample against what
 * was read from the snapshot, and both against the count of that day.
 */
export async function compareRestored(
  step: CompareStep,
  options: BorgOptions,
  readMountinfo: ReadMountinfo | undefined,
): Promise<StepFacts> {
  const { guard, manifest } = step;
  let found: string | null = null;
  await whileMounted([guard], readMountinfo, async () => {
    found = await firstDifference(step, options);
  });
  const drill = { archive: manifest.archive, entries: manifest.entries, difference: null };
  if (found === null) return { drill };
  const difference = `${manifest.archive} does not restore to what was archived: ${found}`;
  return { drill: { ...drill, difference }, failed: difference };
}

async function firstDifference(step: CompareStep, options: BorgOptions): Promise<string | null> {
  const { manifest, repository, guard } = step;
  const root = guard.mountpoint;
  return (
    (await sampleDifference(manifest, root, options.signal)) ??
    (await listDifference({ repository, archive: manifest.archive }, manifest, root, options)) ??
    (await countDifference(manifest, root))
  );
}

async function sampleDifference(
  { sample }: Manifest,
  root: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  for (const file of sample) {
    signal?.throwIfAborted();
    const different = itemDifference({ ...file, target: '' }, root);
    if (different !== null) return different;
    if ((await sha256(path.join(root, file.path))) !== file.sha256) return `${file.path} has other content`;
  }
  return null;
}

async function listDifference(
  of: Parameters<typeof listItems>[0],
  { entries, bytes }: Manifest,
  root: string,
  options: BorgOptions,
): Promise<string | null> {
  let first: string | null = null;
  const seen = { entries: 0, bytes: 0 };
  await listItems(of, options, (item) => {
    seen.entries += 1;
    seen.bytes += item.mode.startsWith('-') ? item.size : 0;
    first ??= itemDifference(item, root);
  });
  if (first !== null || (seen.entries === entries && seen.bytes === bytes)) return first;
  return `it lists ${seen.entries} files and folders with ${seen.bytes} bytes, not ${entries} with ${bytes}`;
}

/** One thing against the list: a sentence that begins with its path; null where they agree. */
function itemDifference(item: ArchiveItem, root: string): string | null {
  const place = path.join(root, item.path);
  const found = lstatSync(place, { throwIfNoEntry: false });
  // Borg cannot write down every name; whether such a thing is there, the count says.
  if (found === undefined) return isExact(item) ? `${item.path} is missing` : null;
  const differs = (what: string, is: unknown, was: unknown) =>
    `${item.path} has the ${what} ${is}, not ${was}`;
  if (found.uid !== item.uid || found.gid !== item.gid)
    return differs('owner', `${found.uid}:${found.gid}`, `${item.uid}:${item.gid}`);
  const mode = modeText(found.mode);
  // A second name of a file is written as `h`, whatever the file is.
  if (mode.slice(1) !== item.mode.slice(1) || (item.mode[0] !== 'h' && mode[0] !== item.mode[0]))
    return differs('mode', mode, item.mode);
  return contentDifference(item, found, place, differs);
}

function contentDifference(
  item: ArchiveItem,
  found: Stats,
  place: string,
  differs: (what: string, is: unknown, was: unknown) => string,
): string | null {
  if (item.mode.startsWith('-') && found.size !== item.size) return differs('size', found.size, item.size);
  if (!item.mode.startsWith('l') || !/^[^?\uFFFD]+$/.test(item.target)) return null;
  const target = readlinkSync(place);
  return target === item.target ? null : differs('target', target, item.target);
}

async function countDifference({ entries }: Manifest, root: string): Promise<string | null> {
  let count = 1;
  // Names as bytes: not all of them are text.
  const walk = async (folder: Buffer): Promise<void> => {
    for await (const entry of await opendir(folder as unknown as string, { encoding: 'buffer' as never })) {
      count += 1;
      const name = entry.name as unknown as Buffer;
      if (entry.isDirectory()) await walk(Buffer.concat([folder, Buffer.from('/'), name]));
    }
  };
  await walk(Buffer.from(root));
  return count === entries ? null : `there are ${count} files and folders, not ${entries}`;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
