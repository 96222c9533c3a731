import type { DesiredBackup } from '../desired-state/types.ts';
import { waitsForProof, waitsForTurn } from '../reconciler/backup/at-work.ts';
import { stopLater } from '../reconciler/backup/attempts.ts';
import { nextDue } from '../reconciler/backup/due.ts';
import type { Cycle } from '../reconciler/cycle.ts';
import { dueOf, missedNote } from '../reconciler/kinds/backup.ts';
import type { BackupRecord, Backups } from '../reconciler/state/backups.ts';
import type { Plan } from '../reconciler/types.ts';
import type { BackupStatus } from './render/types.ts';

/** What is the matter with the newest tick of a backup, and why it is not under way. Pure. */

export type Matter = Pick<BackupStatus, 'state' | 'since' | 'why' | 'nextAt' | 'overdueSince'>;

/** What a plan holds back, and why. */
export type Hindrances = Pick<Plan, 'blocked' | 'held'>;

/** A cycle without a plan has held back everything. As little as is kept from one cycle to the next. */
export function hindrancesOf({ plan, commit, loadError }: Cycle): Hindrances {
  if (plan !== null) return { blocked: plan.blocked, held: plan.held };
  const invalid = commit === null ? 'there is no commit' : `commit ${commit.id.slice(0, 7)} is not valid`;
  const note = loadError ?? invalid;
  return { blocked: [], held: { field: 'commit', from: null, to: null, note } };
}

export interface Known {
  backups: Backups;
  nowMs: number;
  /** Of the cycle that has just been; null: not known, as of a command that is no cycle. */
  plan?: Hindrances | null;
  /** Who else is at a repository right now, such as `steward browse (pid 7)`. */
  lockedBy?: (location: string) => string | null;
}

export function matterOf(desired: DesiredBackup, known: Known, atOnce: number): Matter {
  const quiet = { since: null, why: null, nextAt: null, overdueSince: null };
  if (desired.suspend) return { ...quiet, state: 'suspended' };
  const record = known.backups.services.get(desired.service);
  const nextAt = nextDue(desired, known.nowMs);
  const due =
    record === undefined
      ? null
      : dueOf(desired, record, { inventory: { backups: known.backups }, nowMs: known.nowMs });
  const overdueSince = due === null || due.state === 'done' ? null : overdueOf(due);
  const common = { nextAt, overdueSince };
  if (record !== undefined && record.runningSinceMs !== null)
    return { ...common, state: 'running', since: record.runningSinceMs, why: null };
  if (due === null || due.state === 'done')
    return { ...quiet, ...common, state: desired.schedule === null ? 'by-hand' : 'done' };
  if (due.state === 'missed')
    return { ...common, state: 'missed', since: due.tickMs, why: missedNote(due.tickMs) };
  return { ...common, since: due.sinceMs, ...whyNot(desired, record, known, atOnce) };
}

function overdueOf(due: { state: 'due'; sinceMs: number } | { state: 'missed'; tickMs: number }): number {
  return due.state === 'due' ? due.sinceMs : due.tickMs;
}

/** Whoever waits goes on by himself; what blocks may need a person. Neither: it begins with the next cycle. */
function whyNot(
  desired: DesiredBackup,
  record: BackupRecord | undefined,
  known: Known,
  atOnce: number,
): Pick<Matter, 'state' | 'why'> {
  const blocked = heldBy(known) ?? noticeOf(desired, known) ?? stopLater(record, desired, known.nowMs);
  if (blocked !== null) return { state: 'blocked', why: blocked };
  const why =
    waitsForProof(desired.repository.location, known.backups) ??
    waitsForTurn(desired.service, known.backups, atOnce) ??
    somebodyElse(desired, known);
  return why === null ? { state: 'due', why } : { state: 'waiting', why };
}

function heldBy({ plan }: Known): string | null {
  const held = plan?.held ?? null;
  return held === null ? null : `held: ${held.note ?? held.field}`;
}

/** What its repository suffers from is the cause, where the backup only waits for that. */
function noticeOf({ id, repositoryId }: DesiredBackup, { plan }: Known): string | null {
  const noteOf = (wanted: string) =>
    plan?.blocked.find((notice) => notice.id === wanted)?.reasons[0]?.note ?? null;
  const own = noteOf(id);
  return own === `waits for ${repositoryId}` ? (noteOf(repositoryId) ?? own) : own;
}

function somebodyElse({ repository }: DesiredBackup, { lockedBy }: Known): string | null {
  const who = lockedBy?.(repository.location) ?? null;
  return who === null ? null : `${who} is at work on its repository`;
}
