import type { DesiredBackup } from '../../desired-state/types.ts';
import { unfinishedBy } from '../../tools/borg/archives.ts';
import { pruneHold } from '../proof/damage.ts';
import type { ArchiveRecord } from '../state/archives.ts';
import type { Proofs } from '../state/proofs.ts';
import type { Step } from '../types.ts';
import { isDueTime } from './due.ts';
import { parseArchiveName } from './names.ts';
import { type DatedArchive, keptBy } from './retention.ts';
import type { CleanArchive } from './step-parts.ts';
import type { Uncovered } from './uncovered.ts';

const dayMs = 86_400_000;

/** Why nothing is pruned although a retention says what to keep, as a sentence; null where it may be. */
export function pruneHeld(
  { service, repository: { location, appendOnly }, retention }: DesiredBackup,
  known: Proofs,
): string | null {
  const off = appendOnly && retention !== null ? `nothing is pruned: ${location} is append-only` : null;
  return pruneHold(known, service, location) ?? off;
}

export interface PruneFacts {
  /** The archive of the last restore drill that went well. */
  restored?: string | null;
  /** What attempts that were cut off have left in the repository. */
  checkpoints?: readonly string[];
  /** What is inside the data and in no archive of it. */
  uncovered?: readonly Uncovered[];
}

/**
 * Which archives go after a new one was made, by name. Only archives of our own naming are looked at. The new one
 * counts as kept, so that nothing may go before it is proven whole: that is what the step waits for. The one that was
 * last `restored` for proof stays besides: it is the only one that is known to be any good. So does what has a later
 * time, of a clock that was ahead once: it would take the place of all that is made until then. Checkpoints of attempts
 * that were cut off go whatever the retention: they are nothing that could be restored, and take up room. Where something
 * is mounted inside that no archive has, those from before it was there may be all that is left of what was in its place.
 */
export function pruneOf(
  desired: DesiredBackup,
  archives: readonly ArchiveRecord[],
  made: MarkedArchive,
  { restored = null, checkpoints = [], uncovered = [] }: PruneFacts = {},
): Step[] {
  const { repository, service } = desired;
  if (repository.appendOnly) return [];
  const own = archives.flatMap((archive) => {
    const atMs = parseArchiveName(service, archive.name);
    return atMs === null || atMs >= made.atMs ? [] : [{ ...archive, atMs }];
  });
  // Of one that another state folder knew, nobody knows how it ended; it is a measure all the same.
  const proven = own.filter(({ clean }) => clean !== false);
  const coveredUntilMs = Math.max(...uncovered.map(({ sinceMs }) => sinceMs));
  const expired = expiredOf(desired, made, own).filter(
    ({ name, atMs }) => name !== restored && atMs >= coveredUntilMs,
  );
  const gone = [
    ...expired.map(({ name }) => name),
    ...checkpoints.filter((name) => isSuperseded(name, service, made)),
  ];
  if (gone.length === 0) return [];
  const onlyAfter = expectation(desired, made.name, proven);
  return [
    { op: 'borg-delete', repository, archives: gone.sort(), onlyAfter },
    { op: 'borg-compact', repository },
  ];
}

/** `byHand`: null where the archive does not say. */
interface MarkedArchive extends DatedArchive {
  byHand: boolean | null;
}

/**
 * What no retention keeps. It counts all archives, as Borg does, and once more those of the schedule alone: one by hand,
 * of data that may just have been broken, so takes the place of none. One by hand stays for a day besides: whoever makes
 * the next one within the hour wants both.
 *
 * One of an earlier Steward does not say which it is. At a time of the schedule of today it is the schedule's; at another
 * it may be of an earlier schedule, or by hand. A schedule has made others at the same time of day, so these are counted
 * once more for each such time: nothing of it goes that would have stayed without all others.
 */
function expiredOf(desired: DesiredBackup, made: MarkedArchive, own: MarkedArchive[]): MarkedArchive[] {
  const { retention, schedule } = desired;
  if (retention === null) return [];
  const all = [made, ...own];
  const scheduled = all.filter((each) => each.byHand === false || isOnTime(each, desired));
  const others = all.filter((each) => !scheduled.includes(each));
  const doubtful = others.filter(({ byHand }) => byHand === null);
  const alike = [...Map.groupBy(doubtful, ({ atMs }) => atMs % dayMs).values()];
  const keep = (archives: MarkedArchive[]) => [
    ...keptBy(retention, archives, schedule?.timezone ?? 'UTC').keys(),
  ];
  const recent = others.filter(({ atMs }) => made.atMs - atMs <= dayMs).map(({ name }) => name);
  const counted = [all, scheduled, ...alike.map((those) => [...scheduled, ...those])];
  const kept = new Set([...counted.flatMap(keep), ...recent]);
  return own.filter(({ name }) => !kept.has(name));
}

function isOnTime({ byHand, atMs }: MarkedArchive, desired: DesiredBackup): boolean {
  return byHand === null && isDueTime(desired, atMs);
}

/** What an attempt for this tick or an earlier one has left: there is a whole archive that is newer now. */
function isSuperseded(checkpoint: string, service: string, made: { atMs: number }): boolean {
  const atMs = parseArchiveName(service, unfinishedBy(checkpoint) ?? '');
  return atMs !== null && atMs <= made.atMs;
}

/**
 * An archive that is suddenly much smaller is more likely a mistake than a tidy-up. Measured against the largest proven
 * one: against the last, a collapse would be held back for one night and be the measure from the next one on.
 */
function expectation(
  { collapsePercent }: DesiredBackup,
  archive: string,
  proven: ArchiveRecord[],
): CleanArchive {
  const share = (counts: (number | null)[]) =>
    Math.floor((Math.max(0, ...counts.map((count) => count ?? 0)) * collapsePercent) / 100);
  const minFiles = share(proven.map(({ files }) => files));
  return { archive, minFiles, minBytes: share(proven.map(({ originalBytes }) => originalBytes)) };
}
