import type { DesiredBackup, DesiredResource } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { Change } from '../types.ts';
import { isHeld } from './change.ts';

/**
 * Whether what was planned a while ago still names the containers that run: an hour later they may have been replaced,
 * and a backup that stops others than those that write is none. Pure.
 */
export function isCurrent(
  group: readonly Change[],
  resources: readonly DesiredResource[],
  containers: readonly ObservedContainer[],
): boolean {
  return group.every((change) => {
    const backup = backupOf(change, resources);
    const own = containers.filter(({ project }) => project === backup?.project);
    const ids = (those: typeof own) => new Set(those.map(({ id }) => id));
    const running = ids(own.filter(({ state, oneOff }) => state === 'running' && !oneOff));
    return namesAll(change, ids(own.filter((each) => isHeld(each, backup?.quiesce))), running);
  });
}

/** Null for what stops nothing, such as a check. */
function backupOf(
  { kind, service, steps }: Change,
  resources: readonly DesiredResource[],
): DesiredBackup | null {
  if (kind !== 'backup' || !steps.some(({ op }) => op === 'borg-create')) return null;
  const own = resources.find((each) => each.kind === 'backup' && each.service === service);
  return own?.kind === 'backup' ? own : null;
}

/** Those that are to be held still, and no others; hooks only in such as run. */
function namesAll({ steps }: Change, toHold: ReadonlySet<string>, running: ReadonlySet<string>): boolean {
  const held = steps.flatMap((step) =>
    step.op === 'containers-stop' || step.op === 'containers-pause'
      ? step.containers.map(({ id }) => id)
      : [],
  );
  const asked = steps.flatMap((step) => (step.op === 'container-exec' ? [step.id] : []));
  const holdsAll = held.length === toHold.size && held.every((id) => toHold.has(id));
  return holdsAll && asked.every((id) => running.has(id));
}
