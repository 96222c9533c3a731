import type { DesiredBackup } from '../desired-state/types.ts';
import { guardOf } from './backup/guards.ts';
import { backupId, togetherId } from './backup/names.ts';
import { restoreId } from './restore/names.ts';
import type { MountGuard, Step } from './types.ts';

/**
 * What the version before wrote into the journal does not say what must be mounted: that is then what Git last declared
 * as the data of the service. Of several at one instant nobody could say whose container it is: then it is all of theirs.
 * Where nothing was declared, as for a rollback of a service without a backup, none is known, and they are started.
 */
export function withGuards(step: Step, changeId: string, declared: readonly DesiredBackup[]): Step {
  if (step.op === 'container-exec')
    return step.guards === undefined ? { ...step, guards: guardsOf(changeId, declared) } : step;
  if (step.op !== 'containers-start' && step.op !== 'containers-unpause') return step;
  if (step.containers.every(({ guards }) => guards !== undefined)) return step;
  const guards = guardsOf(changeId, declared);
  return { ...step, containers: step.containers.map((container) => ({ guards, ...container })) };
}

function guardsOf(changeId: string, declared: readonly DesiredBackup[]): MountGuard[] {
  const isMeant = ({ service }: DesiredBackup) =>
    changeId === togetherId || changeId === backupId(service) || changeId === restoreId(service);
  return declared.filter(isMeant).flatMap(({ datasets }) => datasets.map(guardOf));
}
