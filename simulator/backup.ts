import { StepError } from '../reconciler/apply/types.ts';
import type { BackupStep } from '../reconciler/types.ts';
import type { Action } from './actions.ts';
import type { World } from './world.ts';

export function backupActions(_world: World, step: BackupStep): Action[] {
  throw new StepError(`${step.op} is not built yet`);
}
