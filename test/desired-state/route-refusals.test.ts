import { describe, expect, test } from 'vitest';
import { files, one } from './hub-folder.ts';
import { labFolder, load, problemsOf } from './lab-folder.ts';

describe('a route is refused with', () => {
  test.each([
    ['nothing that it leads to', '{ host: photo }', '"photo.homelab.lan" leads nowhere'],
    [
      'two things',
      '{ host: photo, to: "photo-server:1", redirect: "https://a.b" }',
      'has both to and redirect',
    ],
    ['a password', '{ host: photo, to: "photo-server:1", basicAuth: { ada: secret } }', 'bcrypt'],
    [
      'directives that end its site',
      '{ host: photo, caddy: "}\\nevil.lan {\\nrespond x" }',
      'a } closes nothing that was opened here',
    ],
    ['a brace in quotes', '{ host: photo, caddy: "respond \\"}\\"" }', 'a brace stands where none can'],
    ['a quote left open', '{ host: photo, caddy: "respond \\"x" }', 'a quote is not closed in its line'],
    [
      "the hub's variables",
      '{ host: photo, caddy: "respond {$TOKEN}" }',
      'it names the environment of the hub',
    ],
    [
      'a quote behind a backslash, which Caddy opens',
      `{ host: photo, caddy: ${JSON.stringify('respond \\"a {\nx"\n}\nevil.lan {\nrespond \\"b }\ny"')} }`,
      'a \\ outside of quotes',
    ],
    [
      'files of the hub',
      '{ host: photo, caddy: "root * /data\\nfile_server browse" }',
      '"file_server" is not a directive',
    ],
    [
      'the same, in quotes',
      '{ host: photo, caddy: "\\"import\\" /etc/hostname" }',
      'takes no other text in (import)',
    ],
    [
      "the hub's own socket",
      '{ host: photo, caddy: "reverse_proxy unix//run/x.sock" }',
      'is no container of this service',
    ],
    [
      "the hub's variables in a header",
      '{ host: photo, to: "photo-server:1", headers: { X: "{env.TOKEN}" } }',
      'placeholders of the request alone',
    ],
    ['a header of two lines', '{ host: photo, to: "photo-server:1", headers: { X: "a\\nb" } }', 'one line'],
    [
      'a backslash before the quote',
      '{ host: photo, to: "photo-server:1", headers: { X: "a\\\\" } }',
      'one line',
    ],
    [
      'a probe that another route would answer',
      '{ host: photo, path: /api, to: "photo-server:1", probe: { path: /apis } }',
      '/apis is not at or below /api => write e.g. /api/apis',
    ],
    [
      'no status that it expects',
      '{ host: photo, to: "photo-server:1", probe: { expect: [] } }',
      'at least one',
    ],
    ['a path that is a pattern', '{ host: photo, to: "photo-server:1", path: "/a {" }', 'a path such as'],
  ])('%s', async (_name, route, words) => {
    expect((await problemsOf(files(`  - ${route}\n`))).join('\n')).toContain(words);
  });

  test.each([
    ['{ ada: Kq93hf-kanary }'],
    ['{ "ada:Kq93hf-kanary": }'],
    ['{ "ada Kq93hf-kanary": x }'],
    ['{ "ada Kq93hf-kanary" }'],
    ['Kq93hf-kanary'],
    ['[Kq93hf-kanary]'],
    ['{ ada: [Kq93hf-kanary] }'],
    ['{ ada: { Kq93hf-kanary: 1 } }'],
    ['{ ada: "$2a$14$Kq93hf-kanary" }'],
  ])('basicAuth: %s, of which nothing is repeated', async (users) => {
    const route = `  - { host: photo, to: "photo-server:1", basicAuth: ${users} }\n`;
    await using folder = await labFolder(files(route));
    const result = await load(folder.root);
    const problems = 'problems' in result ? result.problems : [];
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain('Kq93hf-kanary');
  });

  test('another authority than another path of its host has', async () => {
    const mixed = `${one}  - { host: photo, path: /api, tls: acme, to: "photo-server:1" }\n`;
    expect(await problemsOf(files(mixed))).toEqual([
      'services/photo/service.yaml:4:13 error: "photo.homelab.lan" is tls: acme here, and tls: internal at services/photo/service.yaml:3:13 => write the same at both places',
    ]);
    const plain = `${one}  - { host: photo, path: /api, tls: "off", to: "photo-server:1" }\n`;
    expect(await problemsOf(files(plain))).toEqual([]);
  });

  test('a path of its host that another one has', async () => {
    const twice = `${one}  - { host: photo, to: "photo-server:1" }\n`;
    expect((await problemsOf(files(twice))).join('\n')).toContain('choose another host, or another path');
  });
});
