import { afterAll, beforeAll, test } from 'vitest';
import { inScope } from '../scope.ts';
import { night, places, startDyingLab, unplugged } from './support/dying-nights.ts';
import type { Homelab } from './support/homelab.ts';

/** The plug of the server is pulled at the same places. */
let lab: Homelab;

beforeAll(async () => {
  lab = await startDyingLab();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** Before a step is after the one before it for all that is on the disk, but for what the journal says of it. */
const tried = inScope(places, ({ where, op }) => where === 'after' && op === 'containers-stop');

test.each(tried)(
  'cut off $where $op: the service runs, nothing is left, and the night gets its archive',
  (place) => night(lab, place, unplugged),
);
