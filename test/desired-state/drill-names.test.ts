import { expect, test } from 'vitest';
import { problemsOf, smallLab, stateOf } from './lab-folder.ts';

const compose = 'services:\n  web: { image: "busybox:1" }\n';

test('what restore drills throw away with all that is in it cannot be a service', async () => {
  const files = { 'lab.yaml': smallLab, 'services/steward-drill-git/compose.yaml': compose };
  expect(await problemsOf(files)).toEqual([
    'services/steward-drill-git/compose.yaml:1:1 error: "steward-drill-git" cannot name a service: what is called steward-drill-… belongs to restore drills, and goes with them => rename the folder',
  ]);
  const near = { 'lab.yaml': smallLab, 'services/steward-drills/compose.yaml': compose };
  expect((await stateOf(near)).services).toEqual(['steward-drills']);
});
