/**
 * End-to-end files that `npm test` runs, and those that it does not run yet because nobody has seen them green from
 * end to end: a suite that fails for its own reasons would hide what Steward does. They are counted as skipped, loudly.
 * `STEWARD_LAB_ALL=1 npm run test:lab` runs them all.
 */
export const proven = ['push', 'removal'];

export const unproven = ['drift', 'loop', 'outage', 'crash', 'many-services', 'contract'];
