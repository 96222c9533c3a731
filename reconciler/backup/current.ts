import type { ObservedContainer } from '../../observers/types.ts';
import type { Change } from '../types.ts';
import type { HeldGround } from './step-parts.ts';
import { writersAtSnapshot, writersOf } from './writers.ts';

/**
 * Whether what was planned a while ago still names the containers that write: an hour later they may have been replaced,
 * and a backup that stops others than those that write is none. What holds nothing still is always current. Pure.
 */
export function isCurrent({ steps, background }: Change, containers: readonly ObservedContainer[]): boolean {
  const grounds = background?.holds ?? [];
  const now = grounds.map((ground) => writersAtSnapshot(ground, ground.quiesce, containers));
  const toHold = ids(now.flatMap(({ own, foreign }) => [...own, ...foreign]));
  const held = steps.flatMap((step) =>
    step.op === 'containers-stop' || step.op === 'containers-pause' ? step.containers : [],
  );
  return (
    held.length === toHold.size &&
    held.every(({ id }) => toHold.has(id)) &&
    now.every(({ passing }, index) => passing.every(({ id }) => grounds[index]?.passing.includes(id))) &&
    hooksRun(steps, grounds, containers)
  );
}

/** Hooks are run in those that run, and in all of them. */
function hooksRun(
  steps: Change['steps'],
  grounds: HeldGround[],
  containers: readonly ObservedContainer[],
): boolean {
  const asked = new Set(steps.flatMap((step) => (step.op === 'container-exec' ? [step.id] : [])));
  const running = grounds.flatMap((ground) =>
    writersOf(ground, containers).own.filter(
      ({ service, state }) => state === 'running' && ground.hooked.includes(service ?? ''),
    ),
  );
  return running.length === asked.size && running.every(({ id }) => asked.has(id));
}

function ids(containers: ObservedContainer[]): Set<string> {
  return new Set(containers.map(({ id }) => id));
}
