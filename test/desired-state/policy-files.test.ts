import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { maskSecrets } from '../../desired-state/compose/mask.ts';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import { type Files, labFolder, load } from './lab-folder.ts';
import { compose, files, net, problemsOf, readerOf, stateOf } from './policy-lab.ts';

describe('files outside of the repository', () => {
  const refused = async (more: string, over: Files = {}) => {
    const problems = await problemsOf(files(compose(more), over));
    return problems.map(({ message, line }) => `${line}: ${message}`);
  };

  test.each([
    ['env_file: /etc/shadow', '8: env_file /etc/shadow is outside of the repository'],
    ['env_file: [".env", { path: "../../../x" }]', '8: env_file ../../../x is outside of the repository'],
    ['label_file: "~/x"', '8: label_file ~/x is outside of the repository'],
    ['extends: { file: /root/c.yml, service: x }', '8: extends /root/c.yml is outside of the repository'],
    ['build: /', '8: build / is outside of the repository'],
    [
      'build: { context: ".", dockerfile: /etc/passwd }',
      '8: the Dockerfile /etc/passwd is outside of the repository',
    ],
    [
      'build: { context: ".", dockerfile: ../../../x }',
      '8: the Dockerfile ./../../../x is outside of the repository',
    ],
    ['env_file: "x.git#/../../../../x"', '8: env_file x.git#/../../../../x is outside of the repository'],
    [
      'env_file: "https://../../../../../x"',
      '8: env_file https://../../../../../x is outside of the repository',
    ],
    ['build: { additional_contexts: { a: /etc } }', '8: the build context /etc is outside of the repository'],
  ])('%s', async (more, expected) => {
    expect(await refused(more)).toEqual([expected]);
  });

  test('of a secret, a config or an include', async () => {
    const below = `${net}secrets: { key: { file: /etc/ssh/key } }\nconfigs: { c: { file: ../../../c } }\ninclude: ["https://example.org/x.yml", "/x.yml"]\n`;
    const problems = await problemsOf(files(compose('', below)));
    expect(problems.map(({ message }) => message)).toEqual([
      'the secret key /etc/ssh/key is outside of the repository',
      'the config c ../../../c is outside of the repository',
      'include https://example.org/x.yml is fetched from elsewhere',
      'include /x.yml is outside of the repository',
    ]);
  });

  test('that are merged in', async () => {
    const early = `x-e: &e { env_file: /etc/shadow }\n${compose('<<: *e')}`;
    expect((await problemsOf(files(early))).map(({ message }) => message)).toEqual([
      'env_file /etc/shadow is outside of the repository',
    ]);
  });

  test('from the folder that an include names', async () => {
    const over = {
      'services/photo/deep/down/x.yml': 'services:\n  x: { image: "x:1", env_file: ../../../x }\n',
    };
    const include = (folder: string) =>
      `${net}include: [{ path: deep/down/x.yml, project_directory: ${folder} }]\n`;
    const told = async (folder: string) =>
      (await problemsOf(files(compose('', include(folder)), over))).map(({ message }) => message);
    expect(await told('.')).toEqual(['env_file ../../../x is outside of the repository']);
  });

  test.each([
    ['two documents', 'services: {}\n---\nservices: { x: { env_file: /etc/shadow } }\n'],
    ['more than a megabyte', `# ${'x'.repeat(1_100_000)}\nservices: { x: { env_file: /etc/shadow } }\n`],
  ])('cannot be told of a file with %s, which is refused', async (_what, text) => {
    const over = { 'services/photo/more.yml': text };
    const problems = await problemsOf(files(compose('', `${net}include: [more.yml]\n`), over));
    expect(problems.map(({ file, message }) => `${file}: ${message}`)).toEqual([
      expect.stringMatching(/^services\/photo\/more\.yml: what compose would open for it cannot be told: /),
    ]);
  });

  test.each([
    'x:/../../../../../../etc',
    'a@b:/../../../../../../root',
    'https:/../../../../../../root',
    'GITHUB.com/../../../../../../root',
    'target:/../../../../../../root',
    'docker-image:/../../../../../../root',
    'oci-layout:///etc',
    'oci-layout://x',
    'OCI-Layout:///etc:latest',
  ])('is no place to build from, however it is written: %s', async (target) => {
    for (const more of [`build: "${target}"`, `build: { additional_contexts: { h: "${target}" } }`])
      expect((await problemsOf(files(compose(more)))).map(({ message }) => message)).toEqual([
        expect.stringMatching(/ is outside of the repository$/),
      ]);
  });

  test('nor is what variables make of it', async () => {
    const over = { 'services/photo/.env': 'A=../../../..\n' };
    for (const target of ['x:/${A}', 'target:/${A}'])
      expect(
        (await problemsOf(files(compose(`build: "${target}"`), over))).map(({ message }) => message),
      ).toEqual([expect.stringContaining('is known only once its variables are set')]);
  });

  test('what compose itself has resolved is looked at once more', async () => {
    const reader = builtInReader();
    const elsewhere: ComposeReader = {
      ...reader,
      resolve: async (request) => {
        const result = await reader.resolve(request);
        const server = result.ok ? result.project.services.server : undefined;
        if (!result.ok || server === undefined) return result;
        const more = {
          a: '/root',
          b: 'oci-layout:///srv/x',
          c: 'https://me:secret@h/x.git',
          d: '/checkout/services/photo',
        };
        server.build = { context: '/etc', additional_contexts: more };
        return { ...result, project: maskSecrets(result.project) };
      },
    };
    const { findings } = (await stateOf(files(compose('build: .')), elsewhere)).policy;
    expect(findings.map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
      'outside-files: the build context /etc is outside of the repository',
      'outside-files: the build context /root is outside of the repository',
      'outside-files: the build context oci-layout:///srv/x is outside of the repository',
    ]);
  });

  const remotes = [
    'me@127.0.0.1:x/y.git',
    'SSH://me@h/y.git',
    'HTTPS://h/y.git',
    'git+ssh://h/y',
    'oci:h/y:1',
    'host:y.git',
    'github.com/a/b',
  ];

  test.each(remotes)('are fetched from elsewhere as %s', async (target) => {
    const problems = await problemsOf(files(compose('', `${net}include: ["${target}"]\n`)));
    expect(problems.map(({ message }) => message)).toEqual([`include ${target} is fetched from elsewhere`]);
    const extended = await problemsOf(files(compose(`extends: { file: "${target}", service: x }`)));
    expect(extended.map(({ message }) => message)).toEqual([`extends ${target} is fetched from elsewhere`]);
  });

  test('are fetched by nobody, whatever .env says and service.yaml allows', async () => {
    const ran = join(mkdtempSync(join(tmpdir(), 'remote-')), 'ran');
    const allow = ['outside-files', 'server-environment'].map(
      (rule) => `{ rule: ${rule}, reason: "a test of walls" }`,
    );
    const tree = files(compose('', `${net}include: ["me@127.0.0.1:x/y.git"]\n`), {
      'services/photo/.env': `COMPOSE_EXPERIMENTAL_GIT_REMOTE=true\nGIT_SSH_COMMAND=touch ${ran}; false\n`,
      'services/photo/service.yaml': `policy: { allow: [${allow}] }\n`,
    });
    await using folder = await labFolder(tree);
    const reader = await readerOf('docker compose');
    const result = await load(folder.root, { as: folder.root, compose: reader });
    expect(result).toMatchObject({ ok: false });
    expect(existsSync(ran)).toBe(false);
  });

  test.each([
    ['env_file: 5', '8: env_file 5'],
    ['env_file: [[/etc/shadow]]', '8: env_file ["/etc/shadow"]'],
    ['label_file: { path: { a: b } }', '8: label_file {"a":"b"}'],
    ['build: { context: [/] }', '8: the build context ["/"]'],
    ['build: { context: ., dockerfile: { a: /x } }', '8: the Dockerfile {"a":"/x"}'],
    ['extends: { file: [/x.yml], service: x }', '8: extends ["/x.yml"]'],
    ['credential_spec: { file: true }', '8: credential_spec true'],
  ])('cannot be told where no text stands: %s', async (more, what) => {
    expect(await refused(more)).toEqual([`${what} is no text, so nobody can tell what would be opened`]);
  });

  test('nor where an include, a config or a secret is no text', async () => {
    const below = `${net}secrets: { key: { file: 5 } }\nconfigs: { c: { file: [x] } }\ninclude: [[/x.yml], { path: [{ a: b }] }]\n`;
    expect(
      (await problemsOf(files(compose('', below)))).map(({ message }) => message.split(' is ')[0]),
    ).toEqual(['the secret key 5', 'the config c ["x"]', 'include ["/x.yml"]', 'include {"a":"b"}']);
  });

  test('but nothing that stands there is none', async () => {
    expect(
      await refused('env_file:\nlabel_file: []\nextends: { service: x, file: }\nbuild:'),
    ).not.toContainEqual(expect.stringContaining('is no text'));
  });

  const large = `${'#'.repeat(17 * 1024 * 1024)}\nservices: { x: { env_file: /etc/shadow } }\n`;

  test.each([
    ['larger than 16 MiB', { 'services/_shared/more.yml': large }],
    ['no plain file', { 'services/_shared/more.yml/x': '' }],
  ])('cannot be told of an include that is %s', async (what, over) => {
    const tree = files(compose('', `${net}include: [../_shared/more.yml]\n`), over);
    expect((await problemsOf(tree)).map(({ line, message }) => `${line}: ${message}`)).toEqual([
      `10: include ../_shared/more.yml is ${what}, so nobody can tell what compose would open for it`,
    ]);
  });

  test.each(['docker-compose.override.yml', '.env'])('nor is compose called where %s is', async (name) => {
    const tree = files(compose(), { [`services/photo/${name}`]: large });
    expect((await problemsOf(tree)).map(({ message }) => message)).toEqual([
      `services/photo/${name} leaves the repository or is larger than 16 MiB`,
    ]);
  });

  test('that a file of the repository includes', async () => {
    const over = { 'services/_shared/base.yml': 'services:\n  x: { env_file: /etc/shadow }\n' };
    const problems = await problemsOf(
      files(compose('extends: { file: ../_shared/base.yml, service: x }'), over),
    );
    expect(problems[0]).toMatchObject({
      file: 'services/_shared/base.yml',
      line: 2,
      message: 'env_file /etc/shadow is outside of the repository',
    });
  });

  test('are allowed with a reason', async () => {
    const over = {
      'services/photo/service.yaml':
        'policy: { allow: [{ rule: outside-files, reason: "the host makes it" }] }\n',
    };
    const { policy } = await stateOf(
      files(compose('env_file: [{ path: /run/photo.env, required: false }]'), over),
    );
    expect(policy.exceptions).toMatchObject([{ reason: 'the host makes it' }]);
  });
});
