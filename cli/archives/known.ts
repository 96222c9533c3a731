import type { DesiredBackup } from '../../desired-state/types.ts';
import { parseArchiveName } from '../../reconciler/backup/names.ts';
import { newestFirst } from '../../reconciler/backup/newest.ts';
import type { ArchiveRecord } from '../../reconciler/state/archives.ts';
import { type Backups, readBackups } from '../../reconciler/state/backups.ts';
import { nearest, UserError } from '../errors.ts';
import { askRepository } from './ask.ts';
import type { ArchiveContext } from './context.ts';

/** The archives of one service. */
export interface KnownArchives {
  service: string;
  /** Newest first, and behind those what is dated later than now. */
  own: ArchiveRecord[];
  /** In its repository, and not of Steward's naming: never touched. */
  foreign: ArchiveRecord[];
  /** When the repository said so. */
  listedMs: number;
  /** The newest that was restored for proof; null where none was. */
  proven: string | null;
}

/** From the state; the repository is asked where that says nothing, is in doubt, or is not wanted. */
export async function knownArchives(
  context: Pick<ArchiveContext, 'desired' | 'wired' | 'deps'>,
  refresh = false,
): Promise<KnownArchives> {
  const { desired, wired, deps } = context;
  const known = readBackups(wired.store).repositories.get(desired.repository.location);
  if (refresh || known === undefined || known.inDoubt) await askRepository(desired, deps);
  return archivesInState(context);
}

/** As Steward knows them, without a question to anybody. */
export function archivesInState({
  wired,
  desired,
}: Pick<ArchiveContext, 'desired' | 'wired'>): KnownArchives {
  return archivesIn(readBackups(wired.store), desired, wired.deps.clock.now());
}

function archivesIn(
  backups: Backups,
  { service, repository: { location } }: DesiredBackup,
  nowMs: number,
): KnownArchives {
  const all = backups.archives.get(location) ?? [];
  return {
    service,
    own: newestFirst(service, all, nowMs).map(({ archive }) => archive),
    foreign: all.filter(({ name }) => parseArchiveName(service, name) === null),
    listedMs: backups.repositories.get(location)?.listedMs ?? 0,
    proven: backups.proofs.get(`drill ${service}`)?.goodArchive ?? null,
  };
}

/** `latest` or a whole name. Throws UserError. */
export function archiveNamed(given: string, { service, own, foreign }: KnownArchives): ArchiveRecord {
  const all = [...own, ...foreign];
  const found = given === 'latest' ? own[0] : all.find(({ name }) => name === given);
  if (found !== undefined) return found;
  if (given === 'latest') throw new UserError(`there is no archive of ${service} yet; nothing was done`);
  const names = all.map(({ name }) => name);
  throw new UserError(`there is no archive ${given} of ${service}${nearest(given, names)}`);
}

/** The same, or the beginning of one that is the only one with it. Throws UserError. */
export function archiveCalled(given: string, known: KnownArchives): ArchiveRecord {
  const all = [...known.own, ...known.foreign];
  const [found, second] = all.filter(({ name }) => name.startsWith(given));
  if (found === undefined || all.some(({ name }) => name === given)) return archiveNamed(given, known);
  if (second === undefined) return found;
  throw new UserError(`${given} is the beginning of ${found.name} and of others`);
}
