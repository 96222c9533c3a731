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

  test('with a reason it is taken', async () => {
    const allow = 'policy: { allow: [{ rule: server-environment, reason: "of an image of old" }] }\n';
    expect(await refusedFor('GIT_TRACE', allow)).toEqual([]);
  });
});
