import { afterAll, beforeAll, test } from 'vitest';
import { inScope } from '../scope.ts';
import { killed, night, places, startDyingLab } from './support/dying-nights.ts';
import type { Homelab } from './support/homelab.ts';

/** `kill -9` of Steward between every two steps of a backup, and in the middle of each. */
let lab: Homelab;

beforeAll(async () => {
  lab = await startDyingLab();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** Every place takes minutes: the usual run tries one where Borg is at work. */
const tried = inScope(places, ({ where, op }) => where === 'middle' && op === 'borg-create');

test.each(tried)(
  'killed $where $op: the service runs, nothing is left, and the night gets its archive',
  (place) => night(lab, place, killed),
);
