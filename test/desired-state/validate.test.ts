import { expect, test } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { validateDirectory } from '../../desired-state/validate.ts';
import { expectState, labFolder, render, smallLab, stubReader } from './lab-folder.ts';

test('a plain directory is read with its own path', async () => {
  await using folder = await labFolder({
    'lab.yaml': smallLab,
    'services/a/compose.yaml': 'services: { web: { image: x } }\n',
  });
  const state = expectState(await validateDirectory(folder.root, { compose: stubReader() }));
  expect(state.resources.find(({ kind }) => kind === 'compose-stack')).toMatchObject({
    directory: `${folder.root}/services/a`,
  });
});

test('a directory that does not exist is a problem, not a crash', async () => {
  const result = await validateDirectory('/nowhere/at-all', { compose: stubReader() });
  expect(result.ok ? [] : render(result.problems)).toEqual([
    '/nowhere/at-all:1:1 error: there is no directory /nowhere/at-all => name a config repository',
  ]);
});

test.each([
  [{}, 'lab.yaml:1:1 error: there is no lab.yaml => write one, or start with `steward init`'],
  [{ 'lab.yml': smallLab }, 'lab.yaml:1:1 error: there is no lab.yaml => rename lab.yml to lab.yaml'],
])('a directory with %j is no config repository', async (files, problem) => {
  await using folder = await labFolder(files);
  const result = await validateDirectory(folder.root, { compose: stubReader() });
  expect(result.ok ? [] : render(result.problems)).toContain(problem);
});

test.each([
  ['web: { extends: { file: base.yaml, service: web } }', '', 'web extends a service of another file'],
  ['web: { image: x, depends_on: [db] }', 'include: [base.yaml]\n', 'services of other files are included'],
])('what only compose reads is told, and the rest judged: %s', async (service, below, message) => {
  await using folder = await labFolder({
    'lab.yaml': smallLab,
    'services/a/compose.yaml': `services:\n  ${service}\n  other: { image: "x:1", privileged: true }\n${below}`,
    'services/a/base.yaml': 'services: { web: { image: "x:1" }, db: { image: "db:1" } }\n',
  });
  const state = expectState(await validateDirectory(folder.root, { compose: builtInReader() }));
  expect(render(state.warnings)).toContainEqual(
    expect.stringMatching(
      `^services/a/compose.yaml:\\d+:\\d+ warning: ${message}, which only docker compose reads: no rule has judged what is in there => `,
    ),
  );
  expect(state.policy.findings.map(({ rule }) => rule)).toContain('privileged');
});
