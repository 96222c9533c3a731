import type { DesiredBackup } from '../../desired-state/types.ts';
import type { Executor } from '../../reconciler/apply/types.ts';
import type { Cycle } from '../../reconciler/cycle.ts';
import { mountsOf } from '../../reconciler/restore/change.ts';
import { type Recovery, readRecoveries, writeRecovery } from '../../reconciler/state/recovery.ts';
import { type Store, transaction } from '../../reconciler/state/store.ts';

/** Which services are to be recovered, and which are left alone. */

/** Every service that has a backup, also where no new ones are made for now. */
export function backupsOf({ desired }: Cycle): DesiredBackup[] {
  return (desired?.resources ?? []).filter((each): each is DesiredBackup => each.kind === 'backup');
}

/** Service -> why it is left alone. What an earlier recovery has begun is not asked about again. */
export async function leftAlone(
  backups: DesiredBackup[],
  suspended: readonly string[],
  known: Recovery[],
  executor: Executor,
): Promise<Map<string, string>> {
  const begun = new Set(known.map(({ service }) => service));
  const found = new Map<string, string>();
  for (const backup of backups) {
    if (begun.has(backup.service)) continue;
    if (suspended.includes(backup.service)) {
      found.set(backup.service, 'suspend: true in its service.yaml');
      continue;
    }
    try {
      await executor.execute({ op: 'require-empty', mounts: mountsOf(backup) }, {});
    } catch (error) {
      found.set(backup.service, (error as Error).message);
    }
  }
  return found;
}

/** On disk before the first dataset is made: whoever runs next, a loop too, starts none of them on nothing. */
export function beginRecoveries(services: string[], store: Store, nowMs: number): void {
  const begun = new Set(readRecoveries(store).map(({ service }) => service));
  transaction(store, () => {
    for (const service of services) {
      if (begun.has(service)) continue;
      const nothing = { archive: null, atMs: null, note: null, damaged: {}, leftMs: null };
      writeRecovery(store, { service, phase: 'waiting', ...nothing, updatedMs: nowMs });
    }
  });
}
