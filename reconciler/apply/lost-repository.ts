import type { KnownRepository } from '../backup/step-parts.ts';
import { StepError } from './types.ts';

/** What is said where the repository that was known is not at its place any more. A person decides what becomes of that. */

/** `cause` says what was found there. */
export function gone({ id }: KnownRepository, cause: Error): StepError {
  const advice = `one was there before: look for its disk, or, if it is lost for good, have a new one made with steward forget ${id}`;
  return new StepError(`${cause.message}; ${advice}`, { cause, isLost: true });
}

/** `id`: what Steward is to forget if the one that is there now is meant. */
export function exchanged(location: string, id = 'the one before'): StepError {
  const other = `the repository at ${location} is not the one that was there before`;
  return new StepError(`${other}, and was left alone; if it is meant to be used, steward forget ${id}`, {
    isLost: true,
  });
}
