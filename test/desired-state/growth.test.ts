import { describe, expect, it } from 'vitest';
import { encryptAge } from '../../tools/secrets/age.ts';
import { newKey } from '../secrets/keys.ts';
import { expectState, type Files, labFolder, load, render, uncoveredLab } from './lab-folder.ts';
import { readerOf } from './policy-lab.ts';

/** Ten times the one before, each: twelve of them are 10 TB. */
const bomb = (levels: number, start = 'xxxxxxxxxx') =>
  Array.from({ length: levels }, (_item, index) =>
    index === 0 ? `V0=${start}\n` : `V${index}=${`$V${index - 1}`.repeat(10)}\n`,
  ).join('');
const nested = (depth: number) => `${'${B:-'.repeat(depth)}x${'}'.repeat(depth)}`;
const web = (more = '') => `services:\n  web:\n    image: "web:1"\n    container_name: photo\n${more}`;

describe.each(['built-in', 'docker compose'])('read by %s', (name) => {
  async function problems(files: Files): Promise<string[]> {
    await using folder = await labFolder({
      'lab.yaml': uncoveredLab,
      'services/photo/compose.yaml': web(),
      ...files,
    });
    const result = await load(folder.root, { compose: await readerOf(name) });
    return result.ok ? [] : render(result.problems);
  }
  const fix = ' => write the text out, or give the container a file';

  it.each([
    ['that double', `A=b\n${bomb(12)}`, '6:1 error: V4 would have more than 64 KiB'],
    [
      'in one that is nested',
      `A=b\nC=${nested(5_000)}\n`,
      '2:1 error: more than 300 variables in braces stand on one line',
    ],
    [
      'that are many',
      `${bomb(4)}${Array.from({ length: 200 }, (_i, i) => `A${i}=$V3\n`).join('')}`,
      '108:1 error: with it, its variables would have more than 1 MiB',
    ],
    [
      'of many escapes',
      `A="${'\\a'.repeat(7 * 1024 * 1024)}"\n`,
      '1:1 error: an environment file of more than 1 MiB is not read',
    ],
    [
      'in a file that is large',
      `#${'x'.repeat(1024 * 1024)}`,
      '1:1 error: an environment file of more than 1 MiB is not read',
    ],
  ])('variables of .env %s are refused with the line', async (_what, env, problem) => {
    const cure = problem.includes('not read') ? ' => give the container a file' : fix;
    expect(await problems({ 'services/photo/.env': env })).toEqual([`services/photo/.env:${problem}${cure}`]);
  });

  it('so are those of an env_file, which grow by those of .env', async () => {
    const files = {
      'services/photo/compose.yaml': web('    env_file: [more.env]\n'),
      'services/photo/.env': bomb(4),
      'services/photo/more.env': 'A=b\nB=$V3$V3$V3$V3$V3$V3$V3\n',
    };
    expect(await problems(files)).toEqual([
      `services/photo/more.env:2:1 error: B would have more than 64 KiB${fix}`,
    ]);
  });

  it.each([
    ['one text', `    command: "${'$V3'.repeat(200)}"\n`, 5, 'its variables make more than 1 MiB of it'],
    [
      'one that is nested',
      `    command: "${nested(5_000)}"\n`,
      5,
      'more than 300 variables in braces stand on one line',
    ],
    [
      'all of it',
      `    command:\n${`      - "${'$V3'.repeat(100)}"\n`.repeat(20)}`,
      22,
      'with it, variables make more than 16 MiB',
    ],
  ])('what variables make of a compose file is bounded, in %s', async (_what, more, line, why) => {
    const [problem = '', ...others] = await problems({
      'services/photo/compose.yaml': web(more),
      'services/photo/.env': bomb(4),
    });
    expect(others).toEqual([]);
    expect(problem).toContain(why);
    if (name !== 'built-in') expect(problem).toContain(`services/photo/compose.yaml:${line}:1 `);
  });

  it('an ordinary file with long values is taken', async () => {
    const files = {
      'services/photo/compose.yaml': web('    environment: { CERT: "${CERT}", A: "${A:-${B:-$CERT}}" }\n'),
      'services/photo/.env': `CERT="${'-----\n'.repeat(10_000)}"\n`,
    };
    expect(await problems(files)).toEqual([]);
  });
});

it.each([
  ['that double', bomb(9), 'its line 5: V4 would have more than 64 KiB'],
  [
    'that are nested',
    `A=${nested(5_000)}\n`,
    'its line 1: more than 300 variables in braces stand on one line',
  ],
])('an encrypted file with variables %s locks its service alone', async (_what, text, why) => {
  const key = await newKey();
  await using folder = await labFolder({
    'lab.yaml': uncoveredLab,
    'services/photo/compose.yaml': web(),
    'services/photo/.env.age': await encryptAge(text, [key.recipient]),
    'services/other/compose.yaml': web().replace('photo', 'other'),
  });
  const state = expectState(await load(folder.root, { secrets: key.box }));
  const stacks = state.resources.flatMap((each) => (each.kind === 'compose-stack' ? [each] : []));
  expect(stacks.map(({ id, locked }) => [id, locked])).toEqual([
    ['compose-stack:other', undefined],
    ['compose-stack:photo', `services/photo/.env.age was opened, and ${why}; run steward secrets edit`],
  ]);
});

it.each([
  ['an env_file of its own', '{ path: sub/more.yaml, env_file: own.env }', 'own.env'],
  ['the .env beside it', 'sub/more.yaml', 'sub/.env'],
  ['the .env of its folder', '{ path: sub/more.yaml, project_directory: dir }', 'dir/.env'],
])('variables of what is included are bounded, in %s', async (_what, include, file) => {
  await using folder = await labFolder({
    'lab.yaml': uncoveredLab,
    'services/photo/compose.yaml': `include: [${include}]\n`,
    'services/photo/sub/more.yaml': web(),
    [`services/photo/${file}`]: bomb(12),
  });
  const result = await load(folder.root, { compose: await readerOf('docker compose') });
  expect(result.ok ? [] : render(result.problems)).toEqual([
    `services/photo/${file}:5:1 error: V4 would have more than 64 KiB => write the text out, or give the container a file`,
  ]);
});

it('what would not be followed to its end is refused', async () => {
  const names = Array.from({ length: 201 }, (_item, index) => `${index}.yaml`);
  await using folder = await labFolder({
    'lab.yaml': uncoveredLab,
    'services/photo/compose.yaml': `include: [${names.join(', ')}, sub/more.yaml]\n`,
    ...Object.fromEntries(
      names.map((each, index) => [`services/photo/${each}`, `configs: { c${index}: { content: a } }\n`]),
    ),
    'services/photo/sub/more.yaml': web(),
    'services/photo/sub/.env': bomb(5),
  });
  const result = await load(folder.root, { compose: await readerOf('docker compose') });
  expect(result.ok ? [] : render(result.problems)).toEqual([
    'services/photo/compose.yaml:1:1 error: more than 200 files are named by it and what it includes => write the text out, or give the container a file',
  ]);
});
