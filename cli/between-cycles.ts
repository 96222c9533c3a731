import { locked } from './locked.ts';
import { noteWaiting } from './terminal.ts';

const waitMs = 30_000;

/**
 * For a command that edits what a cycle reads at its start and writes at its end: in the middle of one its edit would
 * be overwritten, and two processes would be in the same repository.
 */
export function betweenCycles<T>(stateDir: string, command: string, action: () => Promise<T>): Promise<T> {
  return locked({ stateDir, command, waitMs, onWait: noteWaiting }, action);
}
