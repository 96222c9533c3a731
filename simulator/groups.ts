import { StepError } from '../reconciler/apply/types.ts';
import type { Step } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import type { World } from './world.ts';

/** As groupadd, except that a group which has the id already is fine. */
export function createGroup(world: World, step: Extract<Step, { op: 'group-create' }>): Action[] {
  const existing = world.groups.get(step.group);
  if (existing === step.gid) return [];
  if (existing !== undefined) {
    throw new StepError(`the group ${step.group} exists with the id ${existing}, not ${step.gid}`, {
      retryable: false,
    });
  }
  for (const gid of [...world.groups.values()]) {
    if (gid === step.gid) throw new StepError(`groupadd: GID '${step.gid}' already exists`);
  }
  return [() => world.groups.set(step.group, step.gid)];
}
