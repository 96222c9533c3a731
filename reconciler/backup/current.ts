import type { DesiredBackup, DesiredResource } from '../../desired-state/types.ts';
import type { ObservedContainer } from '../../observers/types.ts';
import type { Change } from '../types.ts';

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
    const running = containers.filter(
      (each) => each.project === backup?.project && each.state === 'running' && !each.oneOff,
    );
    return namesAll(change, backup?.quiesce ?? 'none', new Set(running.map(({ id }) => id)));
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

function namesAll(
  { steps }: Change,
  quiesce: DesiredBackup['quiesce'],
  running: ReadonlySet<string>,
): boolean {
  const held = steps.flatMap((step) =>
    step.op === 'containers-stop' || step.op === 'containers-pause'
      ? step.containers.map(({ id }) => id)
      : [],
  );
  const asked = steps.flatMap((step) => (step.op === 'container-exec' ? [step.id] : []));
  const isHeld = quiesce === 'none' || (held.length === running.size && held.every((id) => running.has(id)));
  return isHeld && asked.every((id) => running.has(id));
}
