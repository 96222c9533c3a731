/**
 * End-to-end files that `npm test` does not run yet, and why. They are counted as skipped, loudly: a suite that fails
 * for its own reasons would hide what Steward does. `STEWARD_LAB_ALL=1 npm run test:lab` runs them all.
 */
const emulator =
  'seen green, but Node itself was once ended by a V8 check in the emulated server, and why is not known yet';
const notWhole = 'not yet seen green from end to end';

export const unproven: Record<string, string> = {
  push: emulator,
  removal: emulator,
  drift: notWhole,
  loop: notWhole,
  outage: notWhole,
  crash: notWhole,
  'many-services': notWhole,
  contract: notWhole,
};
