import type { LockHolder } from '../reconciler/state/lock.ts';
import { describe } from './locked.ts';
import { lookOf, safeJson, safeLines, wrap } from './render/text.ts';

/** What a command says beside its result goes to standard error: standard output can be piped as it is. */
export function note(text: string): void {
  const { width } = lookOf(process.stderr);
  const lines = safeLines(text).split('\n');
  const shown = width === null ? lines : lines.flatMap((line) => wrap(line, width));
  process.stderr.write(`${shown.join('\n')}\n`);
}

export function noteWaiting(holder: LockHolder | null): void {
  note(`Waiting for ${describe(holder)} …`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${safeJson(value)}\n`);
}

/** One event a line, for whoever reads them as they come. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${safeJson(value, 0)}\n`);
}

/** Whoever read standard output has closed it: a pager that was left, a `head` that has enough. */
export class NobodyReads extends Error {
  override readonly name = 'NobodyReads';
}

/** One line of many: the next one waits until a slow reader has taken this one. Throws NobodyReads. */
export function printLine(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(new NobodyReads()) : resolve()));
  });
}
