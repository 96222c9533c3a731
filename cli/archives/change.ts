import type { DesiredBackup } from '../../desired-state/types.ts';
import { instant } from '../../reconciler/backup/names.ts';
import { learn } from '../../reconciler/backup/record.ts';
import { type RestoreDeps, runRestore } from '../../reconciler/restore/run.ts';
import { repositoryLock } from '../../reconciler/state/lock.ts';
import type { Change, Step } from '../../reconciler/types.ts';
import { keepBackups } from '../keep.ts';
import { backupEvents } from '../render/backup-events.ts';
import type { ArchiveContext } from './context.ts';

export interface OnArchive {
  verb: 'extract' | 'delete-archive';
  archive: string;
  steps: Step[];
  output: 'text' | 'json';
  /** Once it is alone with the repository. Throws UserError where it is not to be done after all. */
  begin?: () => void;
}

/** Told as it goes on, and kept in the history as any other change. Exit 0: it was carried out. */
export async function runOnArchive(
  { verb, archive, steps, output, begin }: OnArchive,
  { desired, cycle, deps, wired }: ArchiveContext,
): Promise<number> {
  const change = archiveChange(desired, verb, archive, steps, wired.deps.clock.now());
  const events = backupEvents(output, process.stderr);
  const { store } = wired;
  const beside: RestoreDeps = {
    ...{ ...deps, progress: events.event, gate: async () => null },
    learned: (change, index, facts) => {
      const step = change.steps[index];
      if (step !== undefined) learn(store, deps.clock, step, facts);
    },
    ...(begin === undefined ? {} : { begin }),
  };
  const outcome = await runRestore(change, cycle.commit?.id ?? '', beside);
  events.end([outcome]);
  if (cycle.desired !== null) keepBackups(wired, cycle.desired);
  return outcome.result === 'applied' ? 0 : 1;
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
