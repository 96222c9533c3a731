import type { DesiredBackup } from '../../desired-state/types.ts';
import { instant } from '../../reconciler/backup/names.ts';
import { runRestore } from '../../reconciler/restore/run.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import type { Change, Step } from '../../reconciler/types.ts';
import { backupEvents } from '../render/backup-events.ts';
import type { ArchiveContext } from './context.ts';

/** Told as it goes on, and kept in the history as any other change. Whether it was carried out. */
export async function runOnArchive(
  verb: 'extract' | 'delete-archive',
  archive: string,
  steps: Step[],
  { desired, cycle, deps, wired }: ArchiveContext,
  output: 'text' | 'json',
): Promise<boolean> {
  const change = archiveChange(desired, verb, archive, steps, wired.deps.clock.now());
  const events = backupEvents(output, process.stderr);
  const beside = { ...deps, progress: events.event, gate: async () => null };
  const outcome = await runRestore(change, cycle.commit?.id ?? '', beside);
  events.end([outcome]);
  return outcome.result === 'applied';
}

function archiveChange(
  { service, name, repository, origin }: DesiredBackup,
  verb: 'extract' | 'delete-archive',
  archive: string,
  steps: Step[],
  nowMs: number,
): Change {
  const reason = {
    field: 'archive',
    from: archive,
    to: verb,
    note: `asked for by hand at ${instant(nowMs)}`,
  };
  return {
    ...{ verb: 'run', kind: 'backup', id: `backup:${service}/${verb}`, name, service, needs: [], steps },
    summary: `${verb} ${archive}`,
    reasons: [{ ...reason, origin }],
    disruption: { level: 'none', seconds: 0, containers: [] },
    background: { locks: [repositoryLock(repository.location)], exclusive: null },
  };
}
