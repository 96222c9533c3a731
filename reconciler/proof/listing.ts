import { createHash } from 'node:crypto';
import path from 'node:path';
import { digest } from '../../tools/digest.ts';

/**
 * What a tree holds, one record a thing, sorted by path, each ended by a NUL: `PATH//TYPE MODE UID GID SIZE TARGET`.
 * Names are bytes, of which no path has two slashes in a row. Of folders and the like the size says nothing and is 0;
 * sockets are left out, as borg leaves them out. Times are no part of it.
 */
export interface Entry {
  path: Buffer;
  /** Letter of `find -printf %y`. */
  type: string;
  /** Octal. */
  mode: string;
  owner: string;
  size: number;
  /** Of a symbolic link. */
  target: Buffer;
}

/** Writes the records of what is below `root` to `file`, in no order. */
export function findArgs(root: string, file: string): string[] {
  const write = (meta: string) => ['-fprintf', file, `%P//%y %m %U %G ${meta}\\0`];
  return [root, '!', '-type', 's', '(', '-type', 'f', ...write('%s '), '-o', ...write('0 %l'), ')'];
}

/** Where the listing that belongs to the manifest of a repository is kept: the newest alone, as with manifests. */
export function listingFile(stateDir: string, location: string): string {
  return path.join(stateDir, 'manifests', `${digest(location).slice(0, 16)}.gz`);
}

/** As `find` writes it, while it is being made or compared. */
export function rawListing(stateDir: string, location: string): string {
  return `${listingFile(stateDir, location)}.raw`;
}

export function parseEntry(record: Buffer): Entry {
  const end = record.indexOf('//');
  const [type = '', mode = '', uid = '', gid = '', size = ''] = record.toString('latin1', end + 2).split(' ');
  const target = [type, mode, uid, gid, size].reduce((at, field) => at + field.length + 1, end + 2);
  return {
    path: record.subarray(0, end),
    type,
    mode,
    owner: `${uid}:${gid}`,
    size: Number(size),
    target: record.subarray(target),
  };
}

/** A stream of bytes as the records that it holds, in batches as they come. */
export async function* recordsOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const batch: Buffer[] = [];
    let from = 0;
    for (let end = all.indexOf(0); end !== -1; end = all.indexOf(0, from)) {
      batch.push(all.subarray(from, end));
      from = end + 1;
    }
    rest = all.subarray(from);
    yield batch;
  }
}

export interface Totals {
  /** Files, folders, links: everything. */
  entries: number;
  /** Of regular files; one with several names counts under each. */
  bytes: number;
  /** SHA-256 of the listing. */
  sha256: string;
}

/** Hands on the listing of these records; `take` sees each, and leaves out those that it says false to. */
export async function* counted(
  batches: AsyncIterable<Buffer[]>,
  totals: Totals,
  take: (entry: Entry) => boolean = () => true,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const nul = Buffer.of(0);
  for await (const batch of batches) {
    const wanted = batch.filter((record) => {
      const entry = parseEntry(record);
      if (!take(entry)) return false;
      totals.entries += 1;
      totals.bytes += entry.size;
      return true;
    });
    const bytes = Buffer.concat(wanted.flatMap((record) => [record, nul]));
    hash.update(bytes);
    yield bytes;
  }
  totals.sha256 = hash.digest('hex');
}

export function noTotals(): Totals {
  return { entries: 0, bytes: 0, sha256: '' };
}
