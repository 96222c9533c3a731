import type { DesiredBackup } from '../../desired-state/types.ts';
import { instant } from '../../reconciler/backup/names.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import type { Change, Step } from '../../reconciler/types.ts';

/** What a person does to one archive, as a change: it is told, journaled and kept in the history as any other. */
export function archiveChange(
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
