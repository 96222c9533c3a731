import { type NowFlags, runNow } from '../backup-now.ts';

/** Checks of whole repositories, now. Exit 0: each is clean; 1: damaged, or not checked. */
export function backupCheck(names: string[], flags: NowFlags & { verifyData?: boolean }): Promise<number> {
  return runNow(names, flags, {
    command: 'backup check',
    what: flags.verifyData === true ? 'verify-data' : 'check',
    isAsked: ({ steps }) => steps.some(({ op }) => op === 'borg-check'),
    missed: 'not checked',
  });
}

/** Restore drills, now. Exit 0: each archive restores to what was archived; 1: not. */
export function backupDrill(names: string[], flags: NowFlags): Promise<number> {
  return runNow(names, flags, {
    command: 'backup drill',
    what: 'drill',
    isAsked: ({ steps }) => steps.some(({ op }) => op === 'borg-compare'),
    missed: 'not restored for proof',
  });
}
