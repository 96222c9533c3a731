import type { BackupStep } from '../types.ts';

export function backupArgv(step: BackupStep): string[][] {
  return [[step.op]];
}
