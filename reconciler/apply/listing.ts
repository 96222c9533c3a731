import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { leashed } from '../../tools/borg/leash.ts';
import { run, ToolError } from '../../tools/run.ts';
import {
  counted,
  type Entry,
  listingFile,
  noTotals,
  rawListing,
  recordsOf,
  type Totals,
} from '../proof/listing.ts';
import { StepError } from './types.ts';

/** A sample may be many gigabytes on a slow disk. */
const readTimeoutMs = 6 * 3_600_000;

/** Where a listing is made: in the state folder, in which nobody but root reads names of files. */
export interface ListingPlace {
  /** The one that belongs to the manifest. */
  kept: string;
  /** Takes its place once all is well. */
  next: string;
  /** As `find` writes it. Gone when the step is over. */
  raw: string;
  /** Where `sort` puts what it has no memory for; a killed one leaves it there. */
  sorting: string;
}

export async function whileListing<T>(
  stateDir: string,
  location: string,
  action: (place: ListingPlace) => Promise<T>,
): Promise<T> {
  const kept = listingFile(stateDir, location);
  const place = { kept, next: `${kept}.next`, raw: rawListing(stateDir, location), sorting: `${kept}.sort` };
  try {
    await mkdir(path.dirname(kept), { recursive: true, mode: 0o700 });
    await rm(place.sorting, { recursive: true, force: true });
    await mkdir(place.sorting, { mode: 0o700 });
    return await action(place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof StepError || code === undefined) throw error;
    const message = `the list of what is in ${location} cannot be kept in ${kept} (${code})`;
    throw new StepError(message, { cause: error });
  } finally {
    // What cannot be removed is overwritten by the next one.
    for (const left of [place.next, place.raw, place.sorting])
      await rm(left, { recursive: true, force: true }).catch(() => {});
  }
}

/** One native pass, and one sort; `argv` is what writes the records to `raw`. Throws StepError. */
export async function listTree(
  argv: string[],
  { raw, sorting }: ListingPlace,
  what: (exitCode: number) => string,
  signal?: AbortSignal,
): Promise<void> {
  await readOnly(argv, what, signal);
  const sort = ['sort', '-z', '-T', sorting, '-o', raw, raw];
  await readOnly(sort, () => `${raw} could not be sorted`, signal);
}

/** Runs what only reads, however long it takes, and gives its output. `what`: could not be done, as a sentence. */
export async function readOnly(
  argv: string[],
  what: (exitCode: number) => string,
  signal?: AbortSignal,
): Promise<string> {
  const [file = '', ...args] = leashed(argv);
  try {
    const given = signal === undefined ? {} : { signal };
    const env = { LC_ALL: 'C', PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
    const how = { timeoutMs: readTimeoutMs, env, inheritEnv: false, apart: true };
    const result = await run(file, args, { ...how, ...given });
    if (result.exitCode === 0) return result.stdout;
    throw new StepError(`${what(result.exitCode)}: ${result.stderr.trim().split('\n').at(-1) ?? ''}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new StepError(error.message, { retryable: error.retryable, cause: error });
  }
}

/** Writes what `take` does not leave out, on the disk before it returns. */
export async function writeListing(
  { raw, next }: ListingPlace,
  take: (entry: Entry) => boolean,
): Promise<Totals> {
  const totals = noTotals();
  const file = createWriteStream(next, { mode: 0o600, flush: true });
  await pipeline(counted(recordsOf(createReadStream(raw)), totals, take), createGzip(), file);
  return totals;
}

export async function keepListing({ next, kept }: ListingPlace): Promise<void> {
  await rename(next, kept);
}

export async function totalsOf({ raw }: ListingPlace): Promise<Totals> {
  return await drained(recordsOf(createReadStream(raw)));
}

/** Null where none is kept, or one of another archive. */
export async function keptTotals({ kept }: ListingPlace): Promise<Totals | null> {
  return await drained(recordsOf(keptBytes(kept))).catch(() => null);
}

async function drained(batches: AsyncIterable<Buffer[]>): Promise<Totals> {
  const totals = noTotals();
  for await (const _bytes of counted(batches, totals));
  return totals;
}

export async function* keptRecords({ kept }: ListingPlace): AsyncGenerator<Buffer> {
  for await (const batch of recordsOf(keptBytes(kept))) yield* batch;
}

export async function* rawRecords({ raw }: ListingPlace): AsyncGenerator<Buffer> {
  for await (const batch of recordsOf(createReadStream(raw))) yield* batch;
}

function keptBytes(kept: string): AsyncIterable<Buffer> {
  const file = createReadStream(kept);
  const bytes = createGunzip();
  file.on('error', (error) => bytes.destroy(error));
  return file.pipe(bytes);
}
