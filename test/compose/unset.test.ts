import { expect, test } from 'vitest';
import { unsetProblems } from '../../desired-state/compose/unset.ts';
import { parseYaml } from '../../desired-state/locate.ts';

const text = 'services:\n  web:\n    image: "web:1"\n    environment: { PASSWORD: "${PASSWORD}" }\n';
const source = {
  yaml: parseYaml('services/web/compose.yml', Buffer.from(text)),
  text,
  file: 'services/web/compose.yml',
};

test('a variable that a compose file names is told with its line', () => {
  const [problem] = unsetProblems(['PASSWORD'], [source as never]);
  expect(problem).toMatchObject({ line: 4, message: expect.stringContaining('the variable PASSWORD') });
});

test('what follows a $ in a value of an environment file is part of a password: nothing tells it', () => {
  const problems = unsetProblems(['canaryrest99'], [source as never]);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.fix).toContain('single quotes');
  expect(JSON.stringify(problems)).not.toContain('canaryrest99');
});
