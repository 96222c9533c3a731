import type { DesiredBackup } from '../../desired-state/types.ts';
import { parseArchiveName } from '../../reconciler/backup/names.ts';
import { newestFirst } from '../../reconciler/backup/newest.ts';
import type { ArchiveRecord } from '../../reconciler/state/archives.ts';
import { type Backups, readBackups } from '../../reconciler/state/backups.ts';
import { nearest, UserError } from '../errors.ts';
import { askRepository } from './ask.ts';
import type { ArchiveContext } from './context.ts';
import { earlierBackups } from './retired.ts';

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
  /** Repositories that it was backed up to before, the last first, with what is known to be there. */
  earlier: { location: string; own: ArchiveRecord[] }[];
}

/** From the state; the repository is asked where that says nothing, is in doubt, or is not wanted. */
export async function knownArchives(
  context: Pick<ArchiveContext, 'desired' | 'wired' | 'deps'>,
  refresh = false,
): Promise<KnownArchives> {
  const { desired, wired, deps } = context;
  const known = readBackups(wired.store).repositories.get(desired.repository.location);
  if (refresh || known === undefined || known.inDoubt)
    await askRepository(desired, deps).catch((error: Error) => {
      const { earlier } = archivesInState(context);
      throw earlier.length === 0 ? error : new UserError(`${error.message}${alsoIn(earlier)}`);
    });
  return archivesInState(context);
}

/** The archive that is to be read, and with which backup: one of an earlier repository is read there, as it was then. */
export async function archiveToRead<Context extends Pick<ArchiveContext, 'desired' | 'wired' | 'deps'>>(
  given: string,
  context: Context,
): Promise<{ found: ArchiveRecord; context: Context }> {
  const { wired, desired } = context;
  const isIn = ({ own, foreign }: KnownArchives) =>
    [...own, ...foreign].some(({ name }) => name.startsWith(given));
  const before = isIn(archivesInState(context))
    ? undefined
    : earlierBackups(desired, wired.store).find((each) => isIn(archivesInState({ wired, desired: each })));
  if (before === undefined) return { found: archiveCalled(given, await knownArchives(context)), context };
  const there = { ...context, desired: before };
  return { found: archiveCalled(given, archivesInState(there)), context: there };
}

/** As Steward knows them, without a question to anybody. */
export function archivesInState({
  wired,
  desired,
}: Pick<ArchiveContext, 'desired' | 'wired'>): KnownArchives {
  const backups = readBackups(wired.store);
  const nowMs = wired.deps.clock.now();
  const earlier = earlierBackups(desired, wired.store).map((each) => {
    const { location } = each.repository;
    return { location, own: ownIn(backups, each, nowMs) };
  });
  return { ...archivesIn(backups, desired, nowMs), earlier };
}

function archivesIn(backups: Backups, desired: DesiredBackup, nowMs: number): Omit<KnownArchives, 'earlier'> {
  const { service, repository } = desired;
  const { location } = repository;
  const all = backups.archives.get(location) ?? [];
  return {
    service,
    own: ownIn(backups, desired, nowMs),
    foreign: all.filter(({ name }) => parseArchiveName(service, name) === null),
    listedMs: backups.repositories.get(location)?.listedMs ?? 0,
    proven: backups.proofs.get(`drill ${service}`)?.goodArchive ?? null,
  };
}

function ownIn(backups: Backups, { service, repository }: DesiredBackup, nowMs: number): ArchiveRecord[] {
  const all = backups.archives.get(repository.location) ?? [];
  return newestFirst(service, all, nowMs).map(({ archive }) => archive);
}

/** What to say besides where an archive is not found, or nobody answers. */
function alsoIn(earlier: KnownArchives['earlier']): string {
  return earlier
    .filter(({ own }) => own.length > 0)
    .map(({ location, own }) => {
      const are = own.length === 1 ? 'earlier archive is' : 'earlier archives are';
      return `; ${own.length} ${are} in ${location}, the newest ${own[0]?.name}: steward browse, extract and mount read them by name`;
    })
    .join('');
}

/** `latest` or a whole name. Throws UserError. */
export function archiveNamed(
  given: string,
  { service, own, foreign, earlier }: KnownArchives,
): ArchiveRecord {
  const all = [...own, ...foreign];
  const found = given === 'latest' ? own[0] : all.find(({ name }) => name === given);
  if (found !== undefined) return found;
  if (given === 'latest')
    throw new UserError(`there is no archive of ${service} yet; nothing was done${alsoIn(earlier)}`);
  const elsewhere = earlier.find((each) => each.own.some(({ name }) => name === given));
  if (elsewhere !== undefined)
    throw new UserError(
      `${given} is in ${elsewhere.location}, where ${service} was backed up before: steward browse, extract and mount read it there; for anything else Git has to name that repository again`,
    );
  const names = all.map(({ name }) => name);
  throw new UserError(`there is no archive ${given} of ${service}${nearest(given, names)}${alsoIn(earlier)}`);
}

/** The same, or the beginning of one that is the only one with it. Throws UserError. */
export function archiveCalled(given: string, known: KnownArchives): ArchiveRecord {
  const all = [...known.own, ...known.foreign];
  const [found, second] = all.filter(({ name }) => name.startsWith(given));
  if (found === undefined || all.some(({ name }) => name === given)) return archiveNamed(given, known);
  if (second === undefined) return found;
  throw new UserError(`${given} is the beginning of ${found.name} and of others`);
}
