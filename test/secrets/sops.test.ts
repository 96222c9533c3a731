import { beforeAll, describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../desired-state/compose/env-file.ts';
import { newKey, type TestKey } from './keys.ts';
import { sopsDotenv, sopsYaml } from './sops-encoder.ts';

let key: TestKey;
let other: TestKey;
beforeAll(async () => {
  [key, other] = [await newKey(), await newKey()];
});

const values: [string, string][] = [
  ['USER', 'photo'],
  ['PASSWORD', 'correct horse'],
  ['EMPTY', ''],
  ['TOKEN', 'battery#staple'],
];
const open = (name: string, text: string) => key.box.open(`services/photo/${name}`, Buffer.from(text));
const read = (text: string) =>
  Object.fromEntries(parseEnvFile(text, { get: () => undefined, unset: new Set() }));

describe('a dotenv file of SOPS', () => {
  it('is opened, whichever of its recipients we are, and plain values count too', async () => {
    const recipients = [other.recipient, key.recipient];
    const text = await sopsDotenv(values, { recipients, plain: ['USER'] });
    expect(text).toContain('USER=photo\n');
    expect(read(await open('.sops.env', text))).toEqual(Object.fromEntries(values));
  });

  it.each([
    ['a dollar', 'a$b${c}$$', 'a$b${c}$$'],
    ['single quotes', `'it is $x \\n'`, 'it is $x \\n'],
    ['double quotes', '"a\nb $x \\$y \\"z\\" \\\\"', 'a\nb $x $y "z" \\'],
    ['quotes that do not end', `"it's`, `"it's`],
    ['a quote within', `it's "so"`, `it's "so"`],
    ['lines', 'one\ntwo $x # three', 'one\ntwo $x # three'],
    ['a backslash', 'a\\b\\', 'a\\b\\'],
    ['a comment behind it', 'word # said twice', 'word'],
    ['a comment behind quotes', "'a # b' # c", 'a # b'],
  ])('means what it says, with %s', async (_what, written, meant) => {
    const text = await sopsDotenv([['A', written]], { recipients: [key.recipient] });
    expect(read(await open('.sops.env', text))).toEqual({ A: meant });
  });

  it('for somebody else says so', async () => {
    const text = await sopsDotenv(values, { recipients: [other.recipient] });
    await expect(open('.sops.env', text)).rejects.toThrow(
      'is not among the recipients of services/photo/.sops.env; run `sops updatekeys` where one of them is',
    );
  });

  it.each<[string, (lines: string[]) => string[]]>([
    [
      'a value moved to another name',
      ([a = '', b = '', ...rest]) => [`USER${b.slice(8)}`, `PASSWORD${a.slice(4)}`, ...rest],
    ],
    ['a value left out', ([, ...rest]) => rest],
    ['two values in another order', ([a = '', b = '', ...rest]) => [b, a, ...rest]],
    ['an encrypted value put in plain', ([, b = '', ...rest]) => ['USER=intruder', b, ...rest]],
    ['a value added', (lines) => ['ADDED=intruder', ...lines]],
    ['another time of change', (lines) => lines.map((line) => line.replace('T20:00:00Z', 'T21:00:00Z'))],
    ['a tag cut short', (lines) => lines.map((line) => line.replace(/tag:(....)[^,]*/, 'tag:$1'))],
  ])('is refused with %s', async (_what, change) => {
    const lines = (await sopsDotenv(values, { recipients: [key.recipient] })).split('\n');
    await expect(open('.sops.env', change(lines).join('\n'))).rejects.toThrow(
      'services/photo/.sops.env was changed after SOPS wrote it',
    );
  });

  it('whose MAC leaves plain values out may have none', async () => {
    const options = { recipients: [key.recipient], macOnlyEncrypted: true };
    expect(read(await open('.sops.env', await sopsDotenv(values, options)))).toEqual(
      Object.fromEntries(values),
    );
    const text = await sopsDotenv(values, { ...options, plain: ['USER'] });
    await expect(open('.sops.env', text)).rejects.toThrow('has the plain value USER');
  });

  it('without keys of age, or without SOPS, says what it lacks', async () => {
    const text = await sopsDotenv(values, { recipients: [] });
    await expect(open('.sops.env', text)).rejects.toThrow('is not encrypted for a key of age');
    await expect(open('.sops.env', 'USER=photo\n')).rejects.toThrow('.sops.env is not encrypted by SOPS');
  });
});

describe('a YAML file of SOPS', () => {
  it('gives values that mean themselves, whatever is in them', async () => {
    const odd: [string, string][] = [
      ...values,
      ['DOLLAR', 'a$b${c}$$'],
      ['QUOTES', `it's "quoted" \\ and \\"`],
      ['LINES', 'one\ntwo # three\n'],
      ['BACKSLASH', 'end\\'],
      ['BOTH', `it's $HOME\n`],
    ];
    const text = await sopsYaml(odd, { recipients: [key.recipient] });
    expect(read(await open('.env.sops.yaml', text))).toEqual(Object.fromEntries(odd));
  });

  it('with more than one level is refused', async () => {
    const text = await sopsYaml(values, { recipients: [key.recipient] });
    await expect(open('.env.sops.yaml', `db:\n    password: x\n${text}`)).rejects.toThrow(
      'services/photo/.env.sops.yaml has more below db; only names with a value each can become variables',
    );
  });

  it.each(["A='x' LD_PRELOAD", '"B\\nLD_PRELOAD"', '\u0085LD_PRELOAD', 'A=B LD_PRELOAD'])(
    'with the name %j, in which compose could find two, is refused',
    async (name) => {
      const text = await sopsYaml([[name, 'x']], { recipients: [key.recipient] });
      await expect(open('.env.sops.yaml', text)).rejects.toThrow('which no variable can have');
    },
  );

  it('that was changed is refused', async () => {
    const text = await sopsYaml(values, { recipients: [key.recipient] });
    await expect(open('.env.sops.yaml', `ADDED: intruder\n${text}`)).rejects.toThrow('was changed');
  });
});
