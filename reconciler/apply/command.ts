import type { Step } from '../types.ts';
import { argvOf } from './argv.ts';

/** The command line that a person would type for this step, quoted for a POSIX shell. */
export function commandOf(step: Step): string {
  return argvOf(step)
    .map((argv) => argv.map(quote).join(' '))
    .join(' && ');
}

/** A word that a POSIX shell reads back as exactly this text. */
export function quote(word: string): string {
  if (/^[\w@%+:,./-][\w@%+=:,./-]*$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
