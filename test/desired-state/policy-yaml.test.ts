import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseYaml } from '../../desired-state/locate.ts';
import { compose, files, net, problemsOf } from './policy-lab.ts';

/** What compose, by another YAML library, would read there, and Steward would not see. */
const told = async (text: string, over = {}) =>
  (await problemsOf(files(text, over))).map(({ file, line, message }) => `${file}:${line}: ${message}`);

const encoded = Buffer.from('/etc/shadow').toString('base64');
const blind = 'services/photo/docker-compose.yml';
const untold = (line: number, why: string) =>
  `${blind}:${line}: what compose would open for it cannot be told: ${why}`;
const tagged = (tag: string) => `the tag ${tag} may make something else of the value than what stands here`;

describe('a tag', () => {
  test.each([
    [`env_file: !!binary ${encoded}`, '!!binary'],
    ['env_file: !!omap [{ path: /etc/shadow }]', '!!omap'],
    ['env_file: !!set { path }', '!!set'],
    ['env_file: !!pairs [{ path: /etc/shadow }]', '!!pairs'],
    ['env_file: !!timestamp 2020-01-01', '!!timestamp'],
    [`!!binary ${Buffer.from('env_file').toString('base64')}: /etc/shadow`, '!!binary'],
    ['? !!merge <<\n: { env_file: /etc/shadow }', '!!merge'],
    [`env_file: !<tag:yaml.org,2002:binary> ${encoded}`, '!!binary'],
    [`env_file: !!bin%61ry ${encoded}`, '!!binary'],
    [`env_file: [&a !!binary ${encoded}, *a]`, '!!binary'],
    [`command: !!binary ${Buffer.from('$' + '{DB_PASSWORD}').toString('base64')}`, '!!binary'],
    ['env_file: ! here.env', '!'],
  ])('%s', async (more, tag) => {
    expect(await told(compose(more))).toContain(untold(8, tagged(tag)));
  });

  test.each(['!reset null', '!override x', '!<!reset> x', '!<tag:x,1:y> x'])(
    '%s that no library knows',
    async (text) => {
      expect(await told(compose(`env_file: ${text}`))).toEqual([
        untold(8, 'a tag (`!name`) is not known here'),
      ]);
    },
  );

  test('of a secret, and in a file that is included', async () => {
    const secret = `secrets: { s: { file: !!binary ${encoded} } }\n`;
    expect(await told(compose('', `${net}${secret}`))).toContain(untold(10, tagged('!!binary')));
    const problems = await told(compose('', `${net}include: [more.yml]\n`), {
      'services/photo/more.yml': secret,
    });
    expect(problems).toContainEqual(expect.stringMatching(/^services\/photo\/more\.yml:1: .*!!binary/));
  });

  test('that says what the value is anyway is harmless', async () => {
    const more =
      'env_file: !!seq []\nlabels: !!map { !!str a: !!str 1, b: !!null null }\nread_only: !!bool true';
    expect(await told(compose(`${more}\npids_limit: !!int 5\ncpus: !!float 0.5`))).toEqual([]);
  });
});

test.each([
  ['%TAG ! tag:yaml.org,2002:', `!binary ${encoded}`],
  ['%TAG !e! tag:yaml.org,2002:', `!e!binary ${encoded}`],
  ['%TAG !! tag:example.org:', '/etc/shadow'],
  ['%YAML 1.1', '/etc/shadow'],
  ['# x\n%YAML 1.2', '/etc/shadow'],
])('the directive %s', async (directive, text) => {
  const problems = await told(`${directive}\n---\n${compose(`env_file: ${text}`)}`);
  const line = directive.split('\n').length;
  expect(problems).toEqual(
    expect.arrayContaining([untold(line, 'a line in front changes how the file is to be read')]),
  );
});

describe('a line break that is one for compose only', () => {
  const breaks: [code: string, character: string][] = [
    ['000D', '\r'],
    ['0085', '\u0085'],
    ['2028', '\u2028'],
    ['2029', '\u2029'],
    ['FEFF', '\ufeff'],
  ];

  test.each(breaks)('U+%s', async (code, character) => {
    const problems = await told(compose(`# harmless${character}    env_file: /etc/shadow`));
    expect(problems).toEqual([expect.stringContaining(`an invisible character (U+${code}) stands here`)]);
    expect(await told(compose(`labels: { a: "x\\u${code}y" }`))).toEqual([]);
  });

  test('is none in a file with lines as Windows ends them, or with a mark in front', async () => {
    const windows = compose('labels:\n  a: |\n    b\n    c').replaceAll('\n', '\r\n');
    expect(await told(windows)).toEqual([]);
    expect(await told(`\ufeff${compose()}`)).toEqual([]);
    expect(await told(compose('# % is no directive\nlabels: { a: "%x" }'))).toEqual([]);
  });
});

test.each([
  ['{ ?env_file: /etc/shadow }', 'which docker compose takes for a mark between brackets'],
  ['[:x]', 'which docker compose takes for a mark between brackets'],
  ['[/etc/shadow:]', 'docker compose takes the colon behind /etc/shadow for a part of it'],
  ['&x?/../../../../etc/shadow', 'the name x?/../../../../etc/shadow of a value holds more than letters'],
  ['[&x-y_1 a, *x-y_1?b]', 'the name x-y_1?b of a value holds more than letters'],
  ['{ a :, b: c }', 'docker compose takes the colon behind a for a part of it'],
])('%s is another thing for compose', async (text, why) => {
  expect(await told(compose(`env_file: ${text}`))).toEqual([expect.stringContaining(`be told: `)]);
  expect(await told(compose(`env_file: ${text}`))).toEqual([expect.stringContaining(why)]);
});

const goesOn = 'the quoted text goes on in a line that is empty or not indented';

test.each([
  ["x-a: 'it''\nx-b: me'", goesOn],
  ['x-a: "it\\"\nx-b: me"', goesOn],
  ['include: "x\\\n\n  y.yml"', goesOn],
  ['include: "x\\\r\n \t\r\n  y.yml"', goesOn],
])('quotes in %j end elsewhere for compose', async (below, why) => {
  expect(await told(compose('', `${net}${below}\n`))).toContainEqual(expect.stringContaining(why));
});

test('quotes over several lines are the same for both otherwise', async () => {
  const below = `${net}x-a: 'it''s\n\n  me'\nx-b: "\\"it\\"\\\n  me\\\\\n\n  x"\n`;
  expect(await told(compose('', below))).toEqual([]);
});

test.each(['&k <<: *e\nenv_file: *k', '!!str <<: *e'])(
  'a merging key may be no more than that: %s',
  async (more) => {
    const problems = await told(`x-e: &e { tty: true }\n${compose(more)}`);
    expect(problems).toContain(untold(9, '<< bears a name or a tag'));
    expect(await told(`x-e: &e { tty: true }\n${compose('<<: *e\nlabels: { a: &k "<<", b: *k }')}`)).toEqual(
      [],
    );
  },
);

test('marks between brackets that are the same for both are harmless', async () => {
  expect(await told(compose('labels: { a: , "b":c, ? d : e, f: "?x:" , g: x?y }'))).toEqual([]);
});

test('the files of the example read without a problem', () => {
  const root = path.join(import.meta.dirname, '../..');
  const found = readdirSync(path.join(root, 'services'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => parseYaml(name, readFileSync(path.join(root, 'services', name))));
  expect(found.length).toBeGreaterThan(5);
  expect(found.flatMap(({ problems }) => problems)).toEqual([]);
});
