import { dirname } from 'node:path';
import { living } from '../reconciler/backup/at-work.ts';
import { type Backups, readBackups } from '../reconciler/state/backups.ts';
import type { Declared } from '../reconciler/state/declared.ts';
import { holderOf, repositoryLock } from '../reconciler/state/lock.ts';
import { readLastRuns } from '../reconciler/state/runs.ts';
import type { Store } from '../reconciler/state/store.ts';
import type { Hindrances } from './backup-matter.ts';
import { backupStatus } from './backup-status.ts';
import type { BackupStatus, Status } from './render/types.ts';
import { runningOf, withRunning } from './running.ts';
import { dueByNow } from './since-then.ts';

/** What is recorded of backups, read for whoever tells of it. Borg is not asked. */

/** As of now: a cycle may have taken its time, and backups go on beside it. */
export function readBackupStatus(
  store: Store,
  desired: Declared | null,
  plan: Hindrances | null,
  nowMs: number,
): BackupStatus[] {
  if (desired === null || !desired.resources.some(({ kind }) => kind === 'backup')) return [];
  const lockedBy = (location: string) => holderAt(store, location);
  const known = { backups: readLiving(store), lastRuns: readLastRuns(store), nowMs, plan, lockedBy };
  return backupStatus(desired, known);
}

function readLiving(store: Store): Backups {
  return living(readBackups(store), (lockName) => isHeld(store, lockName));
}

/** By a process that lives. */
export function isHeld(store: Store, lockName: string): boolean {
  return holderOf(dirname(store.path), lockName) !== null;
}

function holderAt(store: Store, location: string): string | null {
  const holder = holderOf(dirname(store.path), repositoryLock(location));
  return holder === null ? null : `steward ${holder.command} (pid ${holder.pid})`;
}

/** What was kept, and what is under way this moment: who is dead holds no lock any more. */
export function withLiveBackups(status: Status, store: Store, nowMs: number): Status {
  if (status.backups === undefined) return status;
  const backups = readLiving(store);
  const kept = dueByNow(status.backups, nowMs);
  return { ...status, backups: withRunning(kept, (service) => runningOf(service, backups)) };
}
