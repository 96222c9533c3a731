import type { BackupStep } from '../types.ts';
import { type ExecuteOptions, StepError, type StepFacts } from './types.ts';

export async function runBackupStep(step: BackupStep, _options: ExecuteOptions): Promise<StepFacts> {
  throw new StepError(`${step.op} is not built yet`);
}
