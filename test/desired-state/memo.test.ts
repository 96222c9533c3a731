import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createLoadMemo } from '../../desired-state/memo.ts';
import { addFiles, expectState, type Files, labFolder, load, smallLab, stubReader } from './lab-folder.ts';

const compose =
  'services:\n  web:\n    image: nginx\n    volumes: ["./conf:/conf:ro", "../../shared/common.conf:/common.conf:ro"]\n    env_file: ../../shared/all.env\n';

function services(count: number): Files {
  const files: Files = {
    'lab.yaml': smallLab,
    'shared/common.conf': 'c',
    'shared/all.env': 'A=1\n',
    'shared/unused': 'u',
  };
  for (let index = 0; index < count; index += 1) {
    files[`services/s${index}/compose.yaml`] =
      index === 0
        ? compose
        : compose.replace(/\s+env_file.*/, '').replace(', "../../shared/common.conf:/common.conf:ro"', '');
    files[`services/s${index}/conf/a`] = 'a';
  }
  return files;
}

const changes: [what: string, files: Files, asked: string[]][] = [
  ['nothing', {}, []],
  ['a file that no service uses', { 'shared/unused': 'v', 'README.md': 'x' }, []],
  ['a compose file', { 'services/s1/compose.yaml': compose }, ['s1']],
  ['a mounted file', { 'services/s2/conf/a': 'b' }, ['s2']],
  ['a new .env', { 'services/s3/.env': 'A=1\n' }, ['s3']],
  ['a new service.yaml', { 'services/s3/service.yaml': 'suspend: true\n' }, ['s3']],
  ['a mounted file outside of the folder', { 'shared/common.conf': 'd' }, ['s0']],
  ['an environment file outside of the folder', { 'shared/all.env': 'A=2\n' }, ['s0']],
  [
    'something in lab.yaml that services do not depend on',
    { 'lab.yaml': `${smallLab}limits: { parallel: 2 }\n` },
    [],
  ],
  ['the shared group', { 'lab.yaml': `${smallLab}sharedGroup: labdata\n` }, ['s0', 's1', 's2', 's3', 's4']],
];

test.each(changes)(
  'after a change of %s only what it concerns is read again',
  async (_what, files, asked) => {
    await using folder = await labFolder(services(5));
    const memo = createLoadMemo();
    const first = expectState(await load(folder.root, { memo }));
    await addFiles(folder.root, files);
    const compose = stubReader();
    const second = expectState(await load(folder.root, { memo, compose }));
    expect(compose.asked.sort()).toEqual(asked);
    const untouched = second.resources.filter(({ service }) => service !== null && !asked.includes(service));
    for (const resource of untouched) expect(first.resources).toContain(resource);
    expect(second).toEqual(expectState(await load(folder.root)));
  },
);

test('hashes are asked for early where a known stack changes, unless it gets labels that are not known yet', async () => {
  await using folder = await labFolder({
    ...services(3),
    'services/plain/compose.yaml': 'services:\n  web:\n    image: nginx\n',
  });
  const memo = createLoadMemo();
  const first = stubReader();
  expectState(await load(folder.root, { memo, compose: first }));
  expect(first.hashed).toEqual([]);
  await addFiles(folder.root, {
    'services/s1/conf/a': 'b',
    'services/plain/compose.yaml': 'services:\n  web:\n    image: nginx:2\n',
  });
  const second = stubReader();
  expectState(await load(folder.root, { memo, compose: second }));
  expect([second.asked.sort(), second.hashed]).toEqual([['plain', 's1'], ['plain']]);
});

test('the environment file of the host counts too', async () => {
  await using folder = await labFolder(services(2));
  const hostEnvDir = await mkdtemp(path.join(tmpdir(), 'steward-env-'));
  const memo = createLoadMemo();
  await load(folder.root, { memo, hostEnvDir });
  await writeFile(path.join(hostEnvDir, 's1.env'), 'SECRET=x\n');
  const compose = stubReader();
  const state = expectState(await load(folder.root, { memo, compose, hostEnvDir }));
  expect(compose.asked).toEqual(['s1']);
  const stack = state.resources.find(({ id }) => id === 'compose-stack:s1');
  expect(stack).toMatchObject({ envFiles: [`${hostEnvDir}/s1.env`] });
});

test('a commit that is read elsewhere but will stand at the same place reuses what was read', async () => {
  await using one = await labFolder(services(3));
  await using two = await labFolder(services(3));
  const memo = createLoadMemo();
  const first = expectState(await load(one.root, { memo, as: '/checkout' }));
  const compose = stubReader();
  expect(expectState(await load(two.root, { memo, compose, as: '/checkout' }))).toEqual(first);
  expect(compose.asked).toEqual([]);
});

test('a service that is gone is forgotten', async () => {
  await using one = await labFolder(services(3));
  await using two = await labFolder(services(1));
  const memo = createLoadMemo();
  await load(one.root, { memo, as: '/checkout' });
  await load(two.root, { memo, as: '/checkout' });
  expect(memo.services.size).toBe(1);
});
