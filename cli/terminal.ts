import type { LockHolder } from '../reconciler/state/lock.ts';
import { describe } from './locked.ts';
import { safeJson, safeLines } from './render/text.ts';

/** What a command says beside its result goes to standard error: standard output can be piped as it is. */
export function note(text: string): void {
  process.stderr.write(`${safeLines(text)}\n`);
}

export function noteWaiting(holder: LockHolder | null): void {
  note(`Waiting for ${describe(holder)} …`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${safeJson(value)}\n`);
}
