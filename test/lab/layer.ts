/**
 * A layer is a directory in the cache whose name carries the hash of everything it is made from:
 *
 *   system-<hash>    root file system, kernel, initrd, SSH key         (debootstrap, minutes)
 *   booted-<hash>    disks and memory of the provisioned, idle server  (boots `system`)
 *   steward-<hash>   the same with Node                                 (resumes `booted`)
 *
 * A layer is built in a directory beside its place and renamed into it as the very last act, so that it
 * either exists and is whole or does not exist. Layers are never written to afterwards: machines run on
 * overlays. One lock around all building keeps two test runs from doing the same work twice.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheRoot } from './paths.ts';
import { layersInUse } from './vm-record.ts';

const lockWaitMs = 30 * 60_000;

export type LayerRecipe = {
  readonly name: string;
  /** From {@link hashOf}. */
  readonly hash: string;
  /** Fills the empty directory; whatever it throws leaves no layer. */
  readonly build: (dir: string) => Promise<void>;
};

/** First 16 hex digits of the SHA-256 over the parts. */
export function hashOf(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}\n${part}`);
  return hash.digest('hex').slice(0, 16);
}

/** Hash over the names and contents of all files below `dir`. */
export async function hashOfFiles(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const parts = files.sort().map(async (file) => [file.slice(dir.length), await readFile(file, 'utf8')]);
  return hashOf(...(await Promise.all(parts)).flat());
}

/** Directory of the layer, built first if the cache does not have it. */
export async function ensureLayer(recipe: LayerRecipe): Promise<string> {
  const place = layerPlace(recipe);
  if (existsSync(place)) return place;
  await mkdir(cacheRoot(), { recursive: true });
  await using _lock = await takeLock(join(cacheRoot(), `.lock-${recipe.name}`));
  if (existsSync(place)) return place;
  await buildInto(place, recipe);
  await removeOthers(recipe, place);
  return place;
}

/** Where the layer is or will be. */
export function layerPlace(recipe: Pick<LayerRecipe, 'name' | 'hash'>): string {
  return join(cacheRoot(), `${recipe.name}-${recipe.hash}`);
}

async function buildInto(place: string, recipe: LayerRecipe): Promise<void> {
  const unfinished = join(cacheRoot(), `.unfinished-${recipe.name}`);
  // We hold the lock: what lies here is the rest of a build that was killed.
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished);
  const startedMs = Date.now();
  log(`building ${recipe.name} (${recipe.hash})`);
  try {
    await recipe.build(unfinished);
    await rename(unfinished, place);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  log(`built ${recipe.name} in ${Math.round((Date.now() - startedMs) / 1000)} s`);
}

async function removeOthers(recipe: LayerRecipe, keep: string): Promise<void> {
  const used = await layersInUse();
  for (const entry of await readdir(cacheRoot())) {
    const dir = join(cacheRoot(), entry);
    const isOld = /^[a-z]+-[0-9a-f]{16}$/.test(entry) && entry.startsWith(`${recipe.name}-`) && dir !== keep;
    if (isOld && !used.has(dir)) await rm(dir, { recursive: true, force: true });
  }
}

/**
 * An exclusive lock that ends with this process, however it ends: flock(1) holds it as long as its
 * standard input is open.
 */
async function takeLock(file: string): Promise<AsyncDisposable> {
  const holder = execa(
    'flock',
    ['--timeout', String(lockWaitMs / 1000), file, 'sh', '-c', 'echo locked; cat'],
    {
      stdin: 'pipe',
      reject: false,
      buffer: false,
    },
  );
  const [first] = await Promise.race([
    new Promise<[string]>((resolve) => holder.stdout.once('data', (data) => resolve([String(data)]))),
    holder.then(() => ['']),
  ]);
  if (!first?.startsWith('locked')) throw new Error(`lab: could not lock ${file}: another build runs`);
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end();
      await holder;
    },
  };
}

/** Progress for people; minutes of silence look like a hang. */
export function log(message: string): void {
  process.stderr.write(`lab: ${message}\n`);
}
