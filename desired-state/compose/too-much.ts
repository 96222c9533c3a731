import { errorAt } from '../problems.ts';
import type { Problem } from '../types.ts';
import { Complaint } from './model.ts';

/**
 * Bounds of what variables make of a text: `V1=$V0$V0`, `V2=$V1$V1` and so on is a few lines for gigabytes. Linux hands no
 * program more than 128 KiB in one variable.
 */
export const bounds = {
  /** Letters of an environment file, and of all its values. */
  file: 1024 * 1024,
  /** Letters of one variable of it. */
  variable: 64 * 1024,
  /** Letters of any one text. */
  text: 1024 * 1024,
  /** Letters of all texts of the compose files. */
  project: 16 * 1024 * 1024,
  /** `${` on one line, each of which may stand in another. */
  braces: 300,
} as const;

export const tooLarge = 'an environment file of more than 1 MiB is not read';

/** A refusal of our own, which compose would not make: it would take the server's memory instead. */
export class TooMuch extends Complaint {
  /** As people know it; null while only the text is known. */
  file: string | null = null;
  line: number;
  readonly why: string;
  constructor(why: string, line = 1) {
    super(`line ${line}: ${why}`);
    this.why = why;
    this.line = line;
  }
}

/** The same with the name of the file, if it is of that kind. */
export function within<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof TooMuch) error.file ??= file;
    throw error;
  }
}

export function tooMuchProblem({ file, line, why }: TooMuch, otherwise: string): Problem {
  const fix = 'write the text out, or give the container a file';
  return errorAt({ file: file ?? otherwise, line, column: 1 }, why, fix);
}
