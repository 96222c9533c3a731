import { areOfDifferent } from '../../../desired-state/compose/mask.ts';
import type { DesiredContainer } from '../../../desired-state/types.ts';
import type { Reason } from '../../types.ts';

/**
 * Nothing on the host says which text of a secret a container was given, nor how its image was built: that is kept from
 * when it was made. What nobody kept (an older Steward made it) is taken to be as Git says: nothing stops for a guess.
 */
export type Inputs = Record<string, string>;

/** Container -> what it was made from; null: it was about to be made anew, and nobody knows whether it was. */
export type Made = Record<string, Inputs | null>;

export function madeAsDesired(containers: DesiredContainer[]): { made?: Made } {
  const pairs = containers.flatMap(({ name, inputs }) =>
    inputs === undefined ? [] : [[name, inputs] as const],
  );
  return pairs.length === 0 ? {} : { made: Object.fromEntries(pairs) };
}

export function inputReasons(desired: DesiredContainer, made: Inputs | null | undefined): Reason[] {
  const { inputs, name: container } = desired;
  if (inputs === undefined || made === undefined) return [];
  if (made === null) {
    const note = 'an attempt to make it anew ended before it was known how';
    return [{ field: 'container', from: null, to: null, note, container }];
  }
  const fields = [...new Set([...Object.keys(made), ...Object.keys(inputs)])].sort();
  return fields
    .filter((field) => isOther(field, made, inputs))
    .map((field) => reasonOf(desired, field, made));
}

/** Whether the image has to be built again. */
export function isOfBuild({ field, note }: Reason): boolean {
  return field.startsWith('build.') || (field === 'container' && note !== undefined);
}

/** Which texts and volumes a container has, its hash tells; how its image is built, it does not. */
function isOther(field: string, made: Inputs, inputs: Inputs): boolean {
  const [before, after] = [made[field], inputs[field]];
  if (before === undefined || after === undefined) return field.startsWith('build.') && before !== after;
  return areOfDifferent(before, after);
}

function reasonOf({ name, inputs, fieldOrigins }: DesiredContainer, field: string, made: Inputs): Reason {
  const [before, after] = [made[field], inputs?.[field]];
  const origin = fieldOrigins[field];
  const place = { container: name, ...(origin === undefined ? {} : { origin }) };
  const isShown = !before?.startsWith('#') && !after?.startsWith('#');
  if (isShown) return { field, from: before ?? null, to: after ?? null, ...place };
  const verb = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return { field, from: null, to: null, note: `${verb}; value not shown`, ...place };
}
