import { afterAll, beforeAll, test } from 'vitest';
import { night, places, startDyingLab, unplugged } from './support/dying-nights.ts';
import type { Homelab } from './support/homelab.ts';

/** The plug of the server is pulled at the same places. */
let lab: Homelab;

beforeAll(async () => {
  lab = await startDyingLab();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test.each(places)(
  'cut off $where $op: the service runs, nothing is left, and the night gets its archive',
  { timeout: 20 * 60_000 },
  (place) => night(lab, place, unplugged),
);
