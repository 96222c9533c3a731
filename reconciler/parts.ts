import { StepError } from './apply/types.ts';
import type { ChangePart, Failure, PartEnd, Said } from './part-types.ts';
import { asError } from './put-right.ts';
import type { Change } from './types.ts';

/**
 * One change for several services: what all of them share (one stop, one snapshot, one start) comes once, all else is a
 * part of its own. Where a step of a part fails, the rest of that part is left out and the others go on; where steps that
 * are shared are still to come it ends the change, since none of these can leave one service out. Pure.
 */

export function failureAt(at: number, error: unknown): Failure {
  const failing = error instanceof StepError ? error.failing : [];
  return { at, message: asError(error).message, failing, isLast: false, mayFail: false };
}

/** Null: it is shared by all. */
export function partAt({ parts = [] }: Pick<Change, 'parts'>, at: number): ChangePart | null {
  return parts.find(({ steps }) => steps.includes(at)) ?? null;
}

/** Whether nothing can be done any more once this step has failed. */
export function endsChange(change: Change, at: number): boolean {
  if (change.mayFail?.includes(at) === true) return false;
  if (partAt(change, at) === null) return true;
  return change.steps.some((_step, index) => index > at && partAt(change, index) === null);
}

/** Its part has failed at an earlier step. */
export function isLeftOut(change: Change, at: number, failures: readonly Failure[]): boolean {
  const part = partAt(change, at);
  return part !== null && failures.some((each) => !each.mayFail && part.steps.includes(each.at));
}

/** How it went for each; empty where the change has no parts. */
export function partEnds(change: Change, failures: readonly Failure[], said: readonly Said[]): PartEnd[] {
  const { parts = [] } = change;
  return parts.map((part) => {
    const notes = said.filter(({ at }) => (partAt(change, at) ?? part) === part).map(({ text }) => text);
    return { service: part.service, ...endOf(part, change, failures), notes: [...new Set(notes)] };
  });
}

function endOf(
  part: ChangePart,
  change: Change,
  failures: readonly Failure[],
): Pick<PartEnd, 'result' | 'error'> {
  const own = failures.filter((failure) => concerns(failure, part, change));
  const last = failures.find(({ isLast, at }) => isLast && part.steps.some((left) => left >= at));
  const isBegun = change.steps.some((_step, at) => at < (last?.at ?? 0) && partAt(change, at) === null);
  const all = last === undefined || !isBegun || own.includes(last) ? own : [...own, last];
  if (all.length > 0) return { result: 'failed', error: joined(all) };
  if (last === undefined) return { result: 'applied', error: null };
  const of = partAt(change, last.at)?.service;
  return { result: 'skipped', error: nothingStopped(`${of === undefined ? '' : `${of}: `}${last.message}`) };
}

export function nothingStopped(why: string): string {
  return `nothing was stopped for it: ${why}`;
}

/** A step of all concerns whom its containers are of, where it says which; else everybody who had something before him. */
function concerns({ at, failing, isLast }: Failure, part: ChangePart, change: Change): boolean {
  const of = partAt(change, at);
  if (of !== null) return of === part;
  if (isLast) return part.steps.some((own) => own >= at);
  const names = failing.map(({ container }) => container);
  const isKnown = names.some((name) => change.parts?.some(({ containers }) => containers.includes(name)));
  return !isKnown || names.some((name) => part.containers.includes(name));
}

/** Each once. */
export function joined(failures: readonly Failure[]): string {
  return [...new Set(failures.map(({ message }) => message))].join('; ');
}

/** In one line: who did not get what was wanted, and why. */
export function errorOfParts(ends: readonly PartEnd[]): string {
  const byError = Map.groupBy(
    ends.filter(({ result }) => result !== 'applied'),
    ({ error }) => error ?? '',
  );
  return [...byError]
    .map(([error, those]) => `${those.map(({ service }) => service).join(', ')}: ${error}`)
    .join('; ');
}
