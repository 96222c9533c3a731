import type { Backups } from '../reconciler/state/backups.ts';
import type { BackupStatus, RunningBackup } from './render/types.ts';

/** What is under way beside the cycles, as it is recorded. Pure. */

/** A backup, or what proves one; null where nothing is under way. */
export function runningOf(service: string, backups: Backups): RunningBackup | null {
  const proof = backups.runningProofs.find((each) => each.service === service);
  const since = backups.services.get(service)?.runningSinceMs ?? null;
  if (since === null && proof === undefined) return null;
  const { step = null, files = null, bytes = null, totalBytes = null } = backups.progress.get(service) ?? {};
  const at = { step, files, bytes, totalBytes };
  if (since !== null) return { what: 'archive', since, ...at };
  return proof === undefined ? null : { what: proof.what, since: proof.sinceMs, ...at };
}

/** What was kept with the last cycle, and what is under way now. */
export function withRunning(
  kept: BackupStatus[],
  running: (service: string) => RunningBackup | null,
): BackupStatus[] {
  return kept.map((backup) => {
    const now = running(backup.service);
    if (now?.what === 'archive')
      return { ...backup, state: 'running', since: now.since, why: null, running: now };
    // One that was kept as running is over, or dead; a Steward before this one kept no state.
    const isKept = backup.state !== undefined && backup.state !== 'running';
    const { overdueSince: since } = backup;
    const over = isKept
      ? {}
      : { state: since === null ? ('done' as const) : ('due' as const), since, why: null };
    return { ...backup, ...over, running: now };
  });
}
