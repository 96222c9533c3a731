import type { DesiredBackup } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import { type Executor, StepError } from '../../reconciler/apply/types.ts';
import { instant } from '../../reconciler/backup/names.ts';
import { groundOf, writersOf } from '../../reconciler/backup/writers.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { mountsOf } from '../../reconciler/restore/change.ts';
import {
  isOpen,
  type Recovery,
  readRecoveries,
  removeRecovery,
  writeRecovery,
} from '../../reconciler/state/recovery.ts';
import { type Store, transaction } from '../../reconciler/state/store.ts';

/** Which services are to be recovered, and which are left alone. */

/** Every service that has a backup, also where no new ones are made for now. */
export function backupsOf({ desired }: Cycle): DesiredBackup[] {
  return (desired?.resources ?? []).filter((each): each is DesiredBackup => each.kind === 'backup');
}

export interface Chosen {
  /** Service -> why it is left alone. */
  alone: Map<string, string>;
  /** Those that this recovery begins with. */
  begun: string[];
}

export interface Before {
  suspended: readonly string[];
  known: readonly Recovery[];
  /** Some of an earlier recovery waited still. */
  goesOn: boolean;
  /** Of the whole host. */
  containers: readonly ObservedContainer[];
}

/**
 * What an earlier recovery has begun goes on without a question. What one has ended says nothing of today, unless others of
 * the same recovery still wait: a pool may have died since.
 */
export async function choose(
  backups: DesiredBackup[],
  { suspended, known, goesOn, containers }: Before,
  executor: Executor,
): Promise<Chosen> {
  const chosen: Chosen = { alone: new Map(), begun: [] };
  for (const backup of backups) {
    const before = known.find(({ service }) => service === backup.service);
    if (before !== undefined && isOpen(before)) continue;
    const why = suspended.includes(backup.service)
      ? 'suspend: true in its service.yaml'
      : ((await inTheWay(backup, before, executor)) ?? whoRuns(backup, containers));
    if (why === null) chosen.begun.push(backup.service);
    else if (before === undefined || !goesOn) chosen.alone.set(backup.service, `${why}${cameFrom(before)}`);
  }
  return chosen;
}

/** Nothing is put where somebody may be writing just now. A sentence; null where nobody is. */
function whoRuns(backup: DesiredBackup, containers: readonly ObservedContainer[]): string | null {
  const { own, foreign, passing } = writersOf(groundOf(backup), containers);
  const names = [...own, ...foreign, ...passing].flatMap(({ name, state }) =>
    state === 'running' || state === 'restarting' || state === 'paused' ? [name] : [],
  );
  if (names.length === 0) return null;
  const ways = `steward restore ${backup.service} brings its data back, or stop them and say it again`;
  return `nothing is put where containers run (${names.sort().join(', ')}); ${ways}`;
}

function cameFrom(before: Recovery | undefined): string {
  return before?.phase === 'restored'
    ? `; it was recovered from ${before.archive} at ${instant(before.updatedMs)}`
    : '';
}

/** A sentence; null where nothing is on its datasets, and nobody has said that this is right. */
async function inTheWay(
  backup: DesiredBackup,
  before: Recovery | undefined,
  executor: Executor,
): Promise<string | null> {
  const data = await dataOn(backup, false, executor);
  if (data !== null || before?.phase !== 'given-up') return data?.message ?? null;
  const isThere = (await dataOn(backup, true, executor)) === null;
  return isThere ? 'it was to start with what is there' : null;
}

/** Null: nothing. `mounted`: a dataset that is not there counts as one that nobody can see into. */
async function dataOn(backup: DesiredBackup, mounted: boolean, executor: Executor): Promise<Error | null> {
  const look = { op: 'require-empty', mounts: mountsOf(backup), ...(mounted ? { mounted } : {}) } as const;
  try {
    await executor.execute(look, {});
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** One that was only not mounted at the first look: nothing of it was written, and it is as if it had not been begun. */
export async function leaveWhatHolds(
  backup: DesiredBackup,
  { alone, begun }: Chosen,
  { store, executor }: { store: Store; executor: Executor },
): Promise<boolean> {
  if (!begun.includes(backup.service)) return false;
  const data = await dataOn(backup, false, executor);
  // Where nobody can tell, it does not start.
  if (!(data instanceof StepError) || data.retryable) return false;
  removeRecovery(store, backup.service);
  alone.set(backup.service, data.message);
  return true;
}

/** On disk before the first dataset is made: whoever runs next, a loop too, starts none of them on nothing. */
export function beginRecoveries(services: string[], store: Store, nowMs: number): void {
  const open = new Set(readRecoveries(store).flatMap((each) => (isOpen(each) ? [each.service] : [])));
  transaction(store, () => {
    for (const service of services) {
      if (open.has(service)) continue;
      const nothing = { archive: null, atMs: null, note: null, damaged: {}, leftMs: null };
      writeRecovery(store, { service, phase: 'waiting', ...nothing, updatedMs: nowMs });
    }
  });
}
