import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import { maskedValue } from '../../desired-state/compose/mask.ts';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import { encryptAge } from '../../tools/secrets/age.ts';
import { blotValues } from '../../tools/secrets/blot.ts';
import { dotenvText } from '../../tools/secrets/dotenv-text.ts';
import { expectState, type Files, labFolder, load, render, smallLab } from '../desired-state/lab-folder.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { anyMemory, newKey, type TestKey } from './keys.ts';
import { maskKey, stackOf } from './photo.ts';
import { sopsDotenv, sopsYaml } from './sops-encoder.ts';

let key: TestKey;
let prefix: string[];
beforeAll(async () => {
  [key, prefix] = [await newKey(), await dockerCompose()];
});

/** Each with a word that nothing else holds, and what files, shells and compose give a meaning to. */
const odd = {
  dollar: 'canary$ONE${TWO}$$three',
  quotes: `canary'it"s'`,
  lines: 'canary-first\ncanary-second # no comment',
  backslash: 'canary\\n\\',
  hash: 'canary # no comment',
  blank: '  canary  ',
};

const head = 'services:\n  web:\n    image: web:1\n';

async function readerOf(name: string): Promise<ComposeReader> {
  if (name === 'built-in') return builtInReader({ maskKey, secrets: key.box });
  const cache = { get: () => undefined, set: () => {} };
  const memory = { runDir: path.join(tmpdir(), 'steward-odd-test'), ...anyMemory };
  return dockerComposeReader({ cache, dockerCompose: prefix, memory, maskKey, secrets: key.box });
}

describe.each(['built-in', 'docker compose'])('read by %s', (name) => {
  async function loaded(compose: string, files: Files) {
    const tree = { 'lab.yaml': smallLab, 'services/photo/compose.yaml': compose, ...files };
    await using folder = await labFolder(tree);
    return await load(folder.root, { as: '/checkout', compose: await readerOf(name), secrets: key.box });
  }

  const recipients = () => [key.recipient];
  const formats: Record<string, (value: string) => Promise<Files>> = {
    age: async (value) => ({
      'services/photo/.env.age': await encryptAge(dotenvText([['PASSWORD', value]]), recipients()),
    }),
    'SOPS dotenv': async (value) => ({
      'services/photo/.sops.env': await sopsDotenv([['PASSWORD', quotedAsInSops(value)]], {
        recipients: recipients(),
      }),
    }),
    'SOPS YAML': async (value) => ({
      'services/photo/.env.sops.yaml': await sopsYaml([['PASSWORD', value]], { recipients: recipients() }),
    }),
  };

  describe.each(Object.keys(formats))('out of %s', (format) => {
    it.each(Object.entries(odd))(
      '%s reach the container as they are, and nobody else',
      async (_what, value) => {
        const files = (await formats[format]?.(value)) ?? {};
        const result = await loaded(`${head}    environment: { A: "\${PASSWORD}" }\n`, files);
        const fields = stackOf(expectState(result)).containers[0]?.fields ?? {};
        // Compose doubles every `$` of what it prints.
        expect(fields['environment.A']).toBe(maskedValue(value.replaceAll('$', '$$$$'), maskKey));
        expect(JSON.stringify(result)).not.toContain('canary');
      },
    );
  });

  const secret = async (text: string) => ({
    'services/photo/.env.age': await encryptAge(`PASSWORD=${text}\n`, [key.recipient]),
  });

  it.each([
    'environment: ["${PASSWORD}"]',
    'environment: ["${PASSWORD}=1"]',
    'environment: ["${PASSWORD:-a=b}=1"]',
    'labels: ["${PASSWORD}=1"]',
    'annotations: ["${PASSWORD}=1"]',
    'sysctls: ["${PASSWORD}=1"]',
    'build: { context: ., args: ["${PASSWORD}=1"] }',
    'build: { context: ., labels: ["${PASSWORD}=1"] }',
    'build: { context: ., additional_contexts: ["${PASSWORD}=./x"] }',
    'deploy: { labels: ["${PASSWORD}=1"] }',
    '<<: { labels: ["${PASSWORD}=1"] }',
  ])('a name may not be a secret: %s', async (line) => {
    const result = await loaded(`${head}    ${line}\n`, await secret('canary-value'));
    expect(JSON.stringify(result)).not.toContain('canary');
    expect(result.ok ? [] : render(result.problems)).toEqual([
      expect.stringMatching(
        /is shown in plans and kept in the state, and PASSWORD comes out of .*\.env\.age/,
      ),
    ]);
  });

  it.each([
    ['web: { extends: { file: base.yaml, service: web } }', ''],
    ['db: { image: "db:1" }', 'include: [base.yaml]\n'],
  ])('nor in a file that is taken in, however short: %s', async (service, below) => {
    const files = {
      ...(await secret('canary')),
      'services/photo/base.yaml':
        'services:\n  web:\n    image: "x:${PASSWORD}"\n    labels: ["${PASSWORD}=1"]\n',
    };
    const result = await loaded(`services:\n  ${service}\n${below}`, files);
    expect(JSON.stringify(result)).not.toContain('canary');
    const errors = result.ok ? [] : result.problems.filter(({ severity }) => severity === 'error');
    expect(render(errors)).toEqual([
      expect.stringMatching(/^services\/photo\/base\.yaml:3:.*services\.web\.image is shown in plans/),
      expect.stringMatching(/^services\/photo\/base\.yaml:4:.*services\.web\.labels\.0 is shown in plans/),
    ]);
  });

  it.each([
    'depends_on: ["${PASSWORD}"]',
    'networks: ["${PASSWORD}"]',
    'ports: ["${PASSWORD}:80"]',
    'stop_grace_period: ${PASSWORD}',
    'shm_size: ${PASSWORD}',
    'deploy: { replicas: "${PASSWORD}" }',
  ])('neither a complaint nor its cure holds one: %s', async (line) => {
    for (const value of ['canary-value', "'c$$nary'", '"c\\\\nary"', 'zq7', '"c\\"ry"', 'q!']) {
      const result = await loaded(`${head}    ${line}\n`, await secret(value));
      expect(result.ok).toBe(false);
      expect(JSON.stringify(result)).not.toMatch(/canary|c\$\$?nary|c\\+nary|zq7|c\\+"ry|q!/);
    }
  });
});

/** Who writes one with a mark at its ends into a dotenv file quotes it. */
function quotedAsInSops(value: string): string {
  return /^\s|\s#|\s$/.test(value) && !value.includes('\n') ? `'${value}'` : value;
}

describe('what a tool says', () => {
  it.each([
    ['a short value that is a field', 'bad value "7q!" here', ['7q!'], 'bad value "***" here'],
    ['one of two letters', 'port 80: in use, 8080 is free', ['80'], 'port ***: in use, 8080 is free'],
    ['three letters in a longer field', 'cannot pull x7q3y:latest', ['7q3'], 'cannot pull ***:latest'],
    ['a word that holds three letters', 'container concatenated', ['cat'], 'container concatenated'],
    ['nothing', 'nothing here', [''], 'nothing here'],
    ['a value as compose prints it', 'bad "a$$b$$c" here', ['a$b$c'], 'bad "***" here'],
    ['the longer of two first', 'abcd-efgh', ['abcd', 'abcd-efgh'], '***'],
  ])('%s', (_what, text, values, expected) => {
    expect(blotValues(text, values)).toBe(expected);
  });
});
