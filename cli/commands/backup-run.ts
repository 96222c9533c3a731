import { type NowFlags, runNow } from '../backup-now.ts';

/** Backups now, whatever the schedule says. Exit 0: each has its archive; 1: not. */
export function backupRun(names: string[], flags: NowFlags): Promise<number> {
  return runNow(names, flags, {
    command: 'backup run',
    what: 'archive',
    isAsked: ({ kind }) => kind === 'backup',
    missed: 'not backed up',
  });
}
