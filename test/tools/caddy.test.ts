import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adapt, runningConfig } from '../../tools/caddy/admin.ts';
import { composeCaddyfile, inItsFile, standsAlone } from '../../tools/caddy/compose.ts';

describe('the whole Caddyfile', () => {
  const line = 'import /routes/*.caddy';

  it('has the snippets in the place of the line that takes them in', () => {
    expect(composeCaddyfile(`{\n}\n${line}\nown.lan {\n}\n`, line, ['a {\n}\n', 'b {\n}\n'])).toBe(
      '{\n}\na {\n}\n\nb {\n}\n\nown.lan {\n}\n',
    );
  });

  it.each([
    ['a comment', `# not here: ${line}\n`],
    ['a longer line', `${line}.old\n`],
  ])('has none of them in %s that contains it', (_name, before) => {
    expect(composeCaddyfile(`${before}${line}\n`, line, ['a {\n}'])).toBe(`${before}a {\n}\n`);
    expect(composeCaddyfile(before, line, ['a {\n}'])).toBe(before);
  });

  it('has them also where its lines end as on Windows', () => {
    expect(composeCaddyfile(`x\r\n${line}\r\ny`, line, ['a'])).toBe('x\r\na\r\ny');
  });

  it.each([
    ['before the snippets', 2, 'Caddyfile:2'],
    ['the first of a snippet', 4, 'git.caddy:1'],
    ['inside another', 8, 'photo.caddy:2'],
    ['after them', 11, 'Caddyfile:5'],
  ])('and a line of it that Caddy names is told as one of its file: %s', (_name, at, told) => {
    const own = `{\n\tadmin off\n}\n${line}\nown.lan {\n}\n`;
    const snippets = new Map([
      ['git', 'git.lan {\n}\n'],
      ['photo', 'photo.lan {\n\trespond x\n}\n'],
    ]);
    const lines = composeCaddyfile(own, line, [...snippets.values()]).split('\n');
    const texts: Record<string, string> = {
      Caddyfile: own,
      ...Object.fromEntries([...snippets].map(([name, text]) => [`${name}.caddy`, text])),
    };
    const [file = '', number] = told.split(':');
    expect(lines[at - 1]).toBe(texts[file]?.split('\n')[Number(number) - 1]);
    expect(inItsFile(`Caddyfile:${at}: unrecognized directive: x`, own, line, snippets)).toBe(
      `${told}: unrecognized directive: x`,
    );
  });
});

it.each([
  ['without imports', 'photo.lan {\n}\n', true],
  ['that imports what it defines', '(secure) {\n}\nphoto.lan {\n\timport secure\n}\n', true],
  ['that imports a file', 'import common.conf\n', false],
  ['that imports files', 'photo.lan {\n\timport /etc/caddy/*.conf\n}\n', false],
  ['that imports what its arguments say', '(a) {\n\timport {args.0}\n}\n', false],
])('a text %s stands alone: %#', (_name, text, alone) => {
  expect(standsAlone(text)).toBe(alone);
});

describe('a Caddy that answers with nonsense', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'caddy-admin-'));
  const socket = path.join(home, 'admin.sock');
  let answer: RequestListener = () => {};
  const server = createServer((asked, response) => answer(asked, response));

  beforeEach(() => new Promise<void>((resolve) => server.listen(socket, resolve)));
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  afterAll(() => rmSync(home, { recursive: true }));

  it.each(['{}', '[]', 'null', '{"result":null}'])(
    '%s is no configuration, and nothing is known',
    async (body) => {
      answer = (_asked, response) => response.end(body);
      await expect(adapt('x', { socket })).rejects.toThrow('it answered without a configuration');
    },
  );

  it('without end is not read to its end', async () => {
    answer = (_asked, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(1 << 20, ' ')));
        response.once('drain', more);
      };
      more();
    };
    await expect(runningConfig({ socket })).rejects.toThrow('more than 64 MiB');
  });
});
