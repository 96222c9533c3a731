import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { lastFault } from '../../reconciler/apply/compose-output.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { ComposeUp, StackRef } from '../../reconciler/types.ts';
import { composeEnvironment } from '../../tools/compose.ts';
import { fakeTool } from '../support/fake-tools.ts';

const stack: StackRef = {
  project: 'photo',
  directory: '/lab/services/photo',
  files: ['/lab/services/photo/docker-compose.yml'],
  envFiles: [],
  override: null,
};

function up(given: Partial<ComposeUp> = {}): ComposeUp {
  return { op: 'compose-up', stack, services: [], build: false, forceRecreate: false, guards: [], ...given };
}

const noting = 'echo "$*" >> "$LOG"';

it('calls compose with exactly the command that the plan shows', async () => {
  const docker = fakeTool(noting);
  await hostExecutor({ commands: { docker: docker.command } }).execute(
    up({ services: ['db', 'server'] }),
    {},
  );
  expect(docker.calls()).toEqual([
    'compose -p photo --project-directory /lab/services/photo -f /lab/services/photo/docker-compose.yml --env-file /dev/null up -d --pull missing db server',
  ]);
});

it('writes the override for root alone before it calls compose, and not again when it is the same', async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'override-')), 'state/photo.yml');
  const docker = fakeTool(`cat ${file} >> "$LOG"`);
  const executor = hostExecutor({ commands: { docker: docker.command } });
  const step = up({ stack: { ...stack, override: { path: file, content: 'services: {}\n' } } });
  await executor.execute(step, {});
  expect(docker.calls()).toEqual(['services: {}']);
  const { ino, mode } = statSync(file);
  expect(mode & 0o777).toBe(0o600);
  await executor.execute(step, {});
  expect(statSync(file).ino).toBe(ino);
  await executor.execute(
    { ...step, stack: { ...stack, override: { path: file, content: 'name: x\n' } } },
    {},
  );
  expect(readFileSync(file, 'utf8')).toBe('name: x\n');
});

it('does not call compose while a dataset is not mounted', async () => {
  const docker = fakeTool(noting);
  const guard = { dataset: 'datapool/services/photo', mountpoint: '/nowhere/photo' };
  const executor = hostExecutor({ commands: { docker: docker.command } });
  await expect(executor.execute(up({ guards: [guard] }), {})).rejects.toThrow(
    'datapool/services/photo is not mounted at /nowhere/photo; nothing was written',
  );
  expect(docker.calls()).toEqual([]);
});

it('takes a project down by its name alone, with no file in reach and without its volumes', async () => {
  const docker = fakeTool('echo "$PWD $*" >> "$LOG"');
  await hostExecutor({ commands: { docker: docker.command } }).execute(
    { op: 'compose-down', project: 'wiki' },
    {},
  );
  expect(docker.calls()).toEqual(['/ compose -p wiki down --remove-orphans']);
});

it('says in one sentence why compose failed', async () => {
  const said = ' Container photo-db-1  Creating\\nError response from daemon: network photo_net not found\\n';
  const docker = fakeTool(`printf '${said}' >&2; exit 1`);
  await expect(
    hostExecutor({ commands: { docker: docker.command } }).execute(up(), {}),
  ).rejects.toMatchObject({
    name: 'StepError',
    retryable: true,
    message: 'docker compose up failed: Error response from daemon: network photo_net not found',
  });
});

it('ends compose after its time, and when asked to stop', async () => {
  const docker = fakeTool('exec sleep 60');
  const commands = { docker: docker.command };
  await expect(hostExecutor({ commands, composeTimeoutMs: 100 }).execute(up(), {})).rejects.toThrow(
    'did not answer within 0.1 s',
  );
  const stopped = hostExecutor({ commands }).execute(up(), { signal: AbortSignal.timeout(100) });
  await expect(stopped).rejects.toMatchObject({ name: 'StepError' });
});

it('hands on nothing of our environment but what docker itself needs', () => {
  const own = {
    PATH: '/bin',
    HOME: '/root',
    DOCKER_CONFIG: '/c',
    DOCKER_BUILDKIT: '0',
    COMPOSE_FILE: 'x.yml',
    BORG_PASSPHRASE: 'secret',
  };
  const remote = { COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false', COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false' };
  expect(composeEnvironment(own, undefined)).toEqual({
    ...{ PATH: '/bin', HOME: '/root', DOCKER_CONFIG: '/c' },
    ...remote,
    DOCKER_BUILDKIT: '1',
  });
  expect(composeEnvironment(own, '/run/d.sock').DOCKER_HOST).toBe('unix:///run/d.sock');
});

it('sets what a file of a service would set otherwise', () => {
  const { HOME, PATH } = composeEnvironment({});
  expect(HOME).toMatch(/^\//);
  expect(PATH).toContain('/usr/bin');
});

it('starts compose with that environment and nothing besides', async () => {
  vi.stubEnv('COMPOSE_FILE', '/elsewhere.yml');
  const docker = fakeTool('echo "[$COMPOSE_FILE][$HOME]" >> "$LOG"');
  await hostExecutor({ commands: { docker: docker.command } }).execute(up(), {});
  vi.unstubAllEnvs();
  expect(docker.calls()).toEqual([`[][${process.env.HOME ?? ''}]`]);
});

describe('out of what compose 2.26 printed, the fault is', () => {
  it.each([
    [
      'dependency failed to start: container p2-a-1 is unhealthy',
      ' Container p2-a-1  Waiting\n Container p2-a-1  Error\ndependency failed to start: container p2-a-1 is unhealthy\n',
    ],
    [
      'Error response from daemon: Get "https://registry-1.docker.io/v2/": no such host',
      ' a Pulling \n b Pulling \n a Error Get "https://registry-1.docker.io/v2/": no such host\nError response from daemon: Get "https://registry-1.docker.io/v2/": no such host\n',
    ],
    [
      'network nonet declared as external, but could not be found',
      'time="2026-11-23T02:37:21Z" level=warning msg="a variable is not set"\nnetwork nonet declared as external, but could not be found\n',
    ],
    ['', ' Container photo-ok-1  Started\n'],
  ])('%j', (fault, printed) => {
    expect(lastFault(printed)).toBe(fault);
  });
});
