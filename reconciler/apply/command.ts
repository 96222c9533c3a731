import { quote } from '../../tools/quote.ts';
import type { Step } from '../types.ts';
import { argvOf } from './argv.ts';

/** The command line that a person would type for this step, quoted for a POSIX shell. */
export function commandOf(step: Step): string {
  return argvOf(step)
    .map((argv) => argv.map(quote).join(' '))
    .join(' && ');
}
