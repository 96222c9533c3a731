import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { runCompose } from '../../desired-state/compose/command.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import { createLoadMemo } from '../../desired-state/memo.ts';
import { encryptAge } from '../../tools/secrets/age.ts';
import type { SecretBox } from '../../tools/secrets/box.ts';
import { dotenvText } from '../../tools/secrets/dotenv-text.ts';
import { addFiles, expectState, labFolder, load, render, smallLab } from '../desired-state/lab-folder.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { anyMemory, newKey, type TestKey } from './keys.ts';
import { compose, maskKey, plain, stackOf } from './photo.ts';
import { sopsDotenv } from './sops-encoder.ts';

let key: TestKey;
let prefix: string[];
beforeAll(async () => {
  [key, prefix] = [await newKey(), await dockerCompose()];
});

const sealed = (text: string) => encryptAge(text, [key.recipient]);

it('compose reads values of YAML as they are meant', async () => {
  const odd = [`it's "q" \\ \\"`, 'a$b${c}$$', 'one\ntwo # three', 'end\\', "it's $HOME \n x", ' spaces '];
  const names = odd.map((_value, index) => `V${index}`);
  await using folder = await labFolder({
    '.env': dotenvText(odd.map((value, index) => [`V${index}`, value])),
    'web/compose.yaml': `services: { web: { image: web, environment: { ${names.map((name) => `${name}: "\${${name}}"`).join(', ')} } } }`,
  });
  const view = { root: folder.root, as: folder.root };
  const request = {
    project: 'web',
    view,
    folder: 'web',
    files: ['compose.yaml'],
    envFiles: [`${folder.root}/.env`],
    extraLabels: {},
  };
  const { stdout } = await runCompose(prefix, request, ['config', '--format', 'json']);
  const { environment } = JSON.parse(stdout).services.web;
  // What it prints could be read again, so every dollar is doubled.
  expect(names.map((name) => environment[name].replaceAll('$$', '$'))).toEqual(odd);
});

it.each([
  [
    'by its variable',
    'include: [more.yaml]\n',
    'TOKEN',
    'services/photo/more.yaml:1:27 error: services.web.image is shown in plans and kept in the state, and TOKEN comes out of services/photo/.env.age => set TOKEN in .env, which may be seen',
  ],
  [
    'by its value where the variable has another name',
    'include: [{ path: more.yaml, env_file: own.env }]\n',
    'OTHER',
    'services/photo/compose.yaml:1:1 error: services.web.image is shown in plans and kept in the state, and holds a value out of .env.age => set its variable in .env, which may be seen',
  ],
])('a secret that an included file puts where it is shown is found %s', async (_how, text, name, problem) => {
  await using folder = await labFolder({
    'lab.yaml': smallLab,
    'services/photo/compose.yaml': text,
    'services/photo/more.yaml': `services: { web: { image: "web:\${${name}}" } }\n`,
    'services/photo/own.env': 'OTHER=${TOKEN}\n',
    'services/photo/.env.age': await sealed('TOKEN=canary-in-an-image\n'),
  });
  const cache = { get: () => undefined, set: () => {} };
  const memory = { runDir: path.join(tmpdir(), 'steward-use-test'), ...anyMemory };
  const reader = await dockerComposeReader({
    cache,
    dockerCompose: prefix,
    memory,
    secrets: key.box,
    maskKey,
  });
  const result = await load(folder.root, { secrets: key.box, compose: reader });
  expect(result.ok ? [] : render(result.problems)).toEqual([problem]);
});

/** A reader that puts a value where nothing in the files says so, as a way into compose would that nobody knows yet. */
function leaking(image: string): ComposeReader {
  const reader = builtInReader({ secrets: key.box, maskKey });
  return {
    ...reader,
    resolve: async (request) => {
      const result = await reader.resolve(request);
      if (result.ok) result.project.services.web = { ...result.project.services.web, image };
      return result;
    },
  };
}

it.each([
  ['is found', '', 1],
  ['is none where Git has it in plain', 'PLAIN=canary-in-an-image\n', 0],
])('a value that comes by a way of its own to where it is shown %s', async (_what, env, count) => {
  await using folder = await labFolder({
    'lab.yaml': smallLab,
    'services/photo/compose.yaml': 'services:\n  web:\n    image: web\n',
    'services/photo/compose.override.yaml': 'services: { web: { init: true } }\n',
    'services/photo/.env': `A=b\n${env}`,
    'services/photo/.env.age': await sealed('TOKEN=canary-in-an-image\n'),
  });
  const compose = leaking('web:canary-in-an-image');
  const result = await load(folder.root, { secrets: key.box, compose });
  const problem =
    'services/photo/compose.yaml:3:12 error: services.web.image is shown in plans and kept in the state, and holds a value out of .env.age => set its variable in .env, which may be seen';
  expect(result.ok ? [] : render(result.problems)).toEqual(Array(count).fill(problem));
});

it('an encrypted file in env_file is told, with what to write', async () => {
  const text = 'services:\n  web:\n    image: web\n    env_file:\n      - .env.age\n';
  await using folder = await labFolder({
    'lab.yaml': smallLab,
    'services/photo/compose.yaml': text,
    'services/photo/.env.age': await sealed('PASSWORD=x\n'),
  });
  const result = await load(folder.root, { secrets: key.box });
  expect(result.ok ? [] : render(result.problems)).toEqual([
    'services/photo/compose.yaml:5:9 error: .env.age is encrypted, and env_file would hand it to the container as it is => remove it from env_file, and name each variable: environment: { NAME: ${NAME} }',
  ]);
});

it('an encrypted .env of SOPS is no plain .env', async () => {
  const sops = await sopsDotenv([['PASSWORD', 'x']], { recipients: [key.recipient] });
  const files = {
    ...plain,
    'services/photo/.env': sops,
    'services/photo/compose.yaml': compose.replace('${TAG}', '1'),
  };
  await using folder = await labFolder(files);
  const state = expectState(
    await load(folder.root, { compose: builtInReader({ secrets: key.box, maskKey }), secrets: key.box }),
  );
  expect(stackOf(state)).toMatchObject({ envFiles: [], encrypted: [`${folder.root}/services/photo/.env`] });
});

it('a locked service is looked at again when the identity changes, and only then', async () => {
  await using folder = await labFolder({ ...plain, 'services/photo/.env.age': await sealed('PASSWORD=x\n') });
  const memo = createLoadMemo();
  const [stranger] = [await newKey()];
  let now = stranger.box;
  const secrets: SecretBox = { state: () => now.state(), open: (name, bytes) => now.open(name, bytes) };
  const look = async () => {
    const reader = builtInReader({ secrets, maskKey });
    return stackOf(expectState(await load(folder.root, { compose: reader, secrets, memo })));
  };
  const first = await look();
  expect(await look()).toBe(first);
  now = key.box;
  expect((await look()).locked).toBe(undefined);
  await addFiles(folder.root, { 'services/photo/.env.age': 'broken' });
  expect((await look()).locked).toContain('is no whole age file');
});
