import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rules } from '../../desired-state/policy/rules/index.ts';

const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');

test('the table of the documentation is what the rules say', () => {
  const table = page.split('\n').filter((line) => /^\| `/.test(line));
  expect(table).toEqual(
    Object.values(rules).map(({ id, severity, why, fix }) => `| \`${id}\` | ${severity} | ${why} | ${fix} |`),
  );
});
