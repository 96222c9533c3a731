import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { runCompose } from '../../desired-state/compose/command.ts';
import { envDoubt } from '../../desired-state/compose/env-doubt.ts';
import { envNames } from '../../desired-state/compose/env-file.ts';
import { labFolder } from '../desired-state/lab-folder.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';

let prefix: string[];
beforeAll(async () => {
  prefix = await dockerCompose();
});

/** Names of the variables that compose itself finds in each text; null where it refuses one of them. */
async function composeNames(texts: readonly string[]): Promise<string[][] | null> {
  const services = texts.map((_text, index) => `  s${index}: { image: a, env_file: [${index}.env] }\n`);
  await using folder = await labFolder({
    'compose.yaml': `services:\n${services.join('')}`,
    ...Object.fromEntries(texts.map((text, index) => [`${index}.env`, text])),
  });
  const view = { root: folder.root, as: folder.root };
  const request = { project: 'p', view, folder: '', files: ['compose.yaml'], envFiles: [], extraLabels: {} };
  const { exitCode, stdout } = await runCompose(prefix, request, ['config', '--format', 'json']);
  if (exitCode !== 0) return null;
  const found = JSON.parse(stdout).services;
  return texts.map((_text, index) => Object.keys(found[`s${index}`].environment ?? {}).sort());
}

async function composeNamesOfEach(texts: readonly string[]): Promise<(string[] | null)[]> {
  const together = await composeNames(texts);
  if (together !== null) return together;
  if (texts.length === 1) return [null];
  const middle = texts.length >> 1;
  return [
    ...(await composeNamesOfEach(texts.slice(0, middle))),
    ...(await composeNamesOfEach(texts.slice(middle))),
  ];
}

const blank = fc.constantFrom(
  '',
  ' ',
  '\t',
  '\r',
  '\v',
  '\f',
  '\u0085',
  '\u00a0',
  '\u2028',
  '\u3000',
  '\ufeff',
);
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('A', 'B_1', 'LD_PRELOAD', 'x.y', 'q-r', 'é', '1', 'export', '[0]'),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom('=', ':', '\n', '\r\n', '"', "'", '\\', '#', ' #', '=', '\n', '=x\n'),
  },
  { weight: 3, arbitrary: blank },
  {
    weight: 1,
    arbitrary: fc.constantFrom('$', '${B_1}', '\0', '{', ',', '-', '\\"', "\\'", '`', ';', '\u001b'),
  },
);
const text = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''));

/** The same texts each time. */
function sampled(count: number): string[] {
  return fc.sample(text, { numRuns: count, seed: 20 });
}

it('of a text that may be handed to compose, Steward knows every variable that compose finds', async () => {
  const taken = [...new Set(sampled(6_000))].filter((each) => envDoubt(each) === null && /\w/.test(each));
  expect(taken.length).toBeGreaterThan(300);
  const seen = taken.map((each) => [...new Set(envNames(each).map(({ name }) => name))].sort());
  const found = await composeNamesOfEach(taken);
  for (const [index, names] of found.entries()) {
    const unseen = (names ?? []).filter((name) => !seen[index]?.includes(name));
    expect({ text: taken[index], unseen }).toEqual({ text: taken[index], unseen: [] });
  }
});

it('what is taken by mistake would be noticed: compose finds two variables in one line', async () => {
  const odd = ['A="x" LD_PRELOAD=y\n', 'A="x"LD_PRELOAD=y\n', '\u0085LD_PRELOAD=y\n', 'LD_PRELOAD\u0085=y\n'];
  expect(await composeNames(odd)).toEqual([
    ['A', 'LD_PRELOAD'],
    ['A', 'LD_PRELOAD'],
    ['LD_PRELOAD'],
    ['LD_PRELOAD'],
  ]);
  expect(odd.map((each) => envDoubt(each) === null)).toEqual([false, false, false, false]);
});

it('the built-in reading knows the variables of any text that compose takes, also of one that is refused', async () => {
  const texts = sampled(40).filter((each) => !each.includes('\0'));
  const found = await composeNamesOfEach(texts);
  for (const [index, names] of found.entries()) {
    const seen = envNames(texts[index] ?? '').map(({ name }) => name);
    // Without a name it is no variable of any program.
    const unseen = (names ?? []).filter((name) => name !== '' && !seen.includes(name));
    expect({ text: texts[index], unseen }).toEqual({ text: texts[index], unseen: [] });
  }
});
