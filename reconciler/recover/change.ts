import type { DesiredBackup, ResourceId } from '../../desired-state/types.ts';
import type { ListedArchive } from '../apply/types.ts';
import { instant } from '../backup/names.ts';
import { newestFirst } from '../backup/newest.ts';
import { mountsOf } from '../restore/change.ts';
import { repositoryLock } from '../state/lock.ts';
import type { Change, Step } from '../types.ts';

/**
 * The data of a service that has none, out of an archive. There is no way back to be kept: before it, there was nothing.
 * Pure.
 */

export interface RecoverPlan {
  desired: DesiredBackup;
  archive: string;
  atMs: number;
}

export function recoverChange({ desired, archive, atMs }: RecoverPlan): Change {
  const { service, name, repository, datasets, origin } = desired;
  const mounts = mountsOf(desired);
  const dataset = datasets[0]?.name ?? '';
  // What becomes of its owners is known when the archive was asked (see run.ts).
  const owners = null;
  const steps: Step[] = [
    { op: 'borg-find', repository, archive, paths: [], dataset, anew: true },
    { op: 'borg-extract', repository, archive, paths: [], mounts, owners },
  ];
  const reason = { field: 'data', from: null, to: archive, note: `recovered at ${instant(atMs)}` };
  return {
    ...{ verb: 'run', kind: 'backup', id: recoverId(service), name, service, needs: [], steps },
    summary: `everything out of ${archive}`,
    reasons: [{ ...reason, origin }],
    disruption: { level: 'none', seconds: 0, containers: [] },
    background: { locks: [repositoryLock(repository.location)], exclusive: null },
  };
}

export function recoverId(service: string): ResourceId {
  return `backup:${service}/recover`;
}

/** Our own, newest first: whole ones and, where Steward's state is lost, those of which nobody knows it. */
export function recoverable({ service }: DesiredBackup, archives: readonly ListedArchive[], nowMs: number) {
  return newestFirst(service, archives, nowMs).map(({ archive: { name, atMs } }) => ({ name, atMs }));
}
