import { BorgError } from './types.ts';

/** Borg's --json, lenient: what is not known is left out. */

export interface BorgArchive {
  name: string;
  /** 64 hex digits. */
  id: string;
  /** Milliseconds since the epoch. */
  atMs: number;
}

export interface RepositoryListing {
  id: string;
  /** Borg's name of the mode. */
  encryption: string;
  archives: BorgArchive[];
  /** Names of what backups that were broken off have left (`….checkpoint`), where borg was asked for them. */
  checkpoints: string[];
}

const checkpoint = /\.checkpoint(\.\d+)?$/;

/** The archive that a broken-off backup would have become, of the name of what it has left; null for other names. */
export function unfinishedBy(name: string): string | null {
  return checkpoint.test(name) ? name.replace(checkpoint, '') : null;
}

/** With checkpoints: borg does not list them by itself. */
export function repositoryArgs(location: string): string[] {
  return ['list', '--json', '--consider-checkpoints', location];
}

/** Of `borg list --json REPOSITORY`. */
export function parseListing(stdout: string): RepositoryListing {
  const { repository, encryption, archives } = parseJson(stdout);
  const id = field(repository, 'id');
  if (typeof id !== 'string') throw new BorgError('borg list printed no id of the repository');
  const listed = Array.isArray(archives) ? archives.flatMap(parseArchive) : [];
  return {
    id,
    encryption: String(field(encryption, 'mode') ?? 'unknown'),
    archives: listed.filter(({ name }) => unfinishedBy(name) === null),
    checkpoints: listed.map(({ name }) => name).filter((name) => unfinishedBy(name) !== null),
  };
}

function parseArchive(item: unknown): BorgArchive[] {
  const [name, id, start] = [field(item, 'name'), field(item, 'id'), field(item, 'start')];
  if (typeof name !== 'string' || typeof id !== 'string' || typeof start !== 'string') return [];
  return [{ name, id, atMs: utc(start) }];
}

/** With its progress: the first call on a new server reads all archives, and borg that is silent for long is ended. */
export function infoArgs(...target: string[]): string[] {
  return ['info', '--progress', '--json', ...target];
}

/** With all comments: each archive is looked at for its own. */
export function commentsArgs(location: string): string[] {
  return ['list', '--json', '--format', '{comment}', location];
}

/** Id of an archive -> what it says of itself. */
export function parseComments(stdout: string): Map<string, string> {
  const { archives } = parseJson(stdout);
  const listed = Array.isArray(archives) ? archives : [];
  return new Map(listed.map((item) => [String(field(item, 'id')), String(field(item, 'comment') ?? '')]));
}

/** Lists one archive with its comment; unlike `borg info` without its statistics, which take long. */
export function commentArgs(location: string, archive: string): string[] {
  const exactly = archive.replace(/[*?[]/g, '[$&]');
  return ['list', '--json', '--format', '{comment}', '--glob-archives', exactly, location];
}

/** Null: there is no such archive. */
export function parseComment(stdout: string, archive: string): string | null {
  const { archives } = parseJson(stdout);
  const listed = Array.isArray(archives) ? archives : [];
  const found = listed.find((item) => field(item, 'name') === archive);
  return found === undefined ? null : String(field(found, 'comment') ?? '');
}

export interface ArchiveStats {
  name: string;
  id: string;
  comment: string;
  /** Of the repository that it is in; null where borg does not say. */
  repositoryId: string | null;
  files: number;
  originalBytes: number;
  compressedBytes: number;
  deduplicatedBytes: number;
  durationMs: number;
  /** When it was begun; null where borg does not say. */
  startMs: number | null;
}

/** Of `borg create --json` (one `archive`) and of `borg info --json REPOSITORY::ARCHIVE` (a list of one). */
export function parseStats(stdout: string): ArchiveStats {
  const { archive: made, archives, repository } = parseJson(stdout);
  const archive = made ?? (Array.isArray(archives) ? archives[0] : undefined);
  const stats = field(archive, 'stats');
  const name = field(archive, 'name');
  const start = field(archive, 'start');
  if (typeof name !== 'string' || stats === undefined)
    throw new BorgError('borg printed no facts of the archive');
  return {
    name,
    id: String(field(archive, 'id') ?? ''),
    comment: String(field(archive, 'comment') ?? ''),
    repositoryId: (field(repository, 'id') as string | undefined) ?? null,
    files: count(field(stats, 'nfiles')),
    originalBytes: count(field(stats, 'original_size')),
    compressedBytes: count(field(stats, 'compressed_size')),
    deduplicatedBytes: count(field(stats, 'deduplicated_size')),
    durationMs: Math.round(count(field(archive, 'duration')) * 1000),
    startMs: typeof start === 'string' ? utc(start) : null,
  };
}

/** Borg writes no zone; all calls are made with TZ=UTC. Microseconds are cut. */
function utc(time: string): number {
  return Date.parse(`${time.slice(0, 19)}Z`);
}

function parseJson(stdout: string): Record<string, unknown> {
  try {
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch (cause) {
    throw new BorgError('borg printed something else than JSON', { cause });
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
