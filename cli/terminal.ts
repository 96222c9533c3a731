import type { LockHolder } from '../reconciler/state/lock.ts';
import { describe } from './locked.ts';

/** What a command says beside its result goes to standard error: standard output can be piped as it is. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function noteWaiting(holder: LockHolder | null): void {
  note(`Waiting for ${describe(holder)} …`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
