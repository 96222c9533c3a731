import { expect, test } from 'vitest';
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
