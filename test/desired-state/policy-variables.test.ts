import { describe, expect, test } from 'vitest';
import { compose, files, problemsOf } from './policy-lab.ts';

describe('variables of programs that compose runs', () => {
  const refusedFor = async (name: string, more = '') => {
    const env = `A=b\n${name}=x\nDOCKER_HOSTNAME=y\n`;
    const problems = await problemsOf({
      ...files(compose(), { 'services/photo/.env': env }),
      ...(more === '' ? {} : { 'services/photo/service.yaml': more }),
    });
    return problems.map(({ file, line, message }) => `${file}:${line} ${message}`);
  };

  test.each(['LD_PRELOAD', 'DOCKER_HOST', 'GIT_SSH_COMMAND', 'HOME', 'XDG_CONFIG_HOME', 'GIT_TRACE'])(
    '%s keeps compose from being called at all',
    async (name) => {
      expect(await refusedFor(name)).toEqual([
        `services/photo/.env:2 ${name} is a variable of programs that compose runs on the server`,
      ]);
    },
  );

  test.each(['COMPOSE_PROFILES', 'DOCKER_DEFAULT_PLATFORM', 'SSH_PORT', 'GITEA_KEY', 'ENV'])(
    '%s is none',
    async (name) => {
      expect(await refusedFor(name)).toEqual([]);
    },
  );

  test.each([
    ['two variables in a line', 'A="x" MORE=y', 'text follows the closing quote'],
    ['two without a blank', "A='x'MORE=y", 'text follows the closing quote'],
    ['one behind several lines', 'A="x\ny" MORE=y', 'text follows the closing quote'],
    ['a blank that few know', '\u0085MORE=y', 'the character U+0085 is in it'],
    ['one behind the name', 'MORE\u0085=y', 'the character U+0085 is in it'],
    ['one before a quote', 'A=\u00a0"x" MORE=y', 'the character U+00A0 is in it'],
    ['a return that ends no line', 'A="x"\rMORE=y', 'text follows the closing quote'],
    ['a vertical tab', 'export\vMORE=y', 'the character U+000B is in it'],
    ['export alone', 'export\nMORE=y', 'it is not NAME=value'],
    ['a wide blank', '\u3000MORE=y', 'it is not NAME=value'],
    ['a second BOM', '\ufeffMORE=y', 'the character U+FEFF is in it'],
    ['a NUL', 'A="\0"', 'the character U+0000 is in it'],
    ['a quote without an end', 'A="x', 'the quote is not closed'],
  ])('%s: the file is not handed to compose', async (_what, text, why) => {
    const env = `# first\r\nB='several\nlines' # said\r\n\tC=d\n`;
    const problems = await problemsOf(files(compose(), { 'services/photo/.env': `${env}${text}\n` }));
    expect(problems.map(({ file, line, message }) => `${file}:${line} ${message}`)).toEqual([
      `services/photo/.env:${text.includes('x\ny') ? 6 : 5} compose may read this line in another way: ${why}`,
    ]);
  });

  test('with a reason it is taken', async () => {
    const allow = 'policy: { allow: [{ rule: server-environment, reason: "of an image of old" }] }\n';
    expect(await refusedFor('GIT_TRACE', allow)).toEqual([]);
  });
});
