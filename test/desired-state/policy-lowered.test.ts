import { expect, test } from 'vitest';
import { compose, files, lab, stateOf } from './policy-lab.ts';

test('rules that the lab switches off or makes lighter are kept, with their place', async () => {
  const weights = '{ privileged: off, devices: warning, capabilities: error, root-user: warning }';
  const text = `${lab}policy: { rules: ${weights} }\n`;
  const { policy } = await stateOf(files(compose(), { 'lab.yaml': text }));
  expect(policy.lowered?.map(({ rule, severity, usual }) => [rule, severity, usual])).toEqual([
    ['privileged', 'off', 'error'],
    ['devices', 'warning', 'error'],
  ]);
  expect(policy.lowered?.[0]?.origin).toMatchObject({ file: 'lab.yaml', line: lab.split('\n').length });
  expect((await stateOf(files(compose()))).policy).not.toHaveProperty('lowered');
});
