import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { argvOf } from '../../reconciler/apply/argv.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Step } from '../../reconciler/types.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

type Pull = Extract<Step, { op: 'image-pull' }>;
const pull = (over: Partial<Pull> = {}): Pull => ({
  op: 'image-pull',
  image: 'app:1',
  tag: null,
  login: null,
  ...over,
});

function stream(...events: object[]): Answer {
  const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return (call) => (call.includes('/images/create') ? { stream: { bytes, open: false } } : { status: 201 });
}

const fetched = stream(
  { status: 'Pulling from app' },
  { status: 'Status: Downloaded newer image for app:1' },
);

async function calls(step: Step, answer: Answer = fetched): Promise<string[]> {
  await using api = await fakeDockerApi(answer);
  await hostExecutor({ socketPath: api.socketPath }).execute(step, {});
  return api.calls;
}

function passwordFile(words = 'open sesame\n', mode = 0o600): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'registry-')), 'password');
  writeFileSync(file, words, { mode });
  return file;
}

describe('an image', () => {
  it('is fetched through Docker', async () => {
    expect(await calls(pull())).toEqual(['POST /images/create?fromImage=app&tag=1']);
  });

  it('that is fetched by its digest gets the tag besides', async () => {
    const step = pull({ image: 'registry.lan:5000/app@sha256:d1', tag: 'registry.lan:5000/app:1' });
    expect(await calls(step)).toEqual([
      'POST /images/create?fromImage=registry.lan:5000/app&tag=sha256:d1',
      'POST /images/registry.lan:5000/app@sha256:d1/tag?repo=registry.lan:5000/app&tag=1',
    ]);
    expect(argvOf(step)).toEqual([
      ['docker', 'pull', 'registry.lan:5000/app@sha256:d1'],
      ['docker', 'tag', 'registry.lan:5000/app@sha256:d1', 'registry.lan:5000/app:1'],
    ]);
  });

  it('that is there gets a name', async () => {
    expect(await calls({ op: 'image-tag', id: 'sha256:old', image: 'app:1' })).toEqual([
      'POST /images/sha256:old/tag?repo=app&tag=1',
    ]);
  });
});

describe('an image that cannot be fetched', () => {
  it.each<[string, Answer, string]>([
    [
      'Docker refuses',
      () => ({ status: 404, body: { message: 'manifest unknown' } }),
      'Docker says: manifest unknown',
    ],
    ['breaks off', stream({ status: 'Pulling' }, { error: 'unexpected EOF' }), 'unexpected EOF'],
    [
      'wants a password',
      () => ({ status: 500, body: { message: 'no basic auth credentials' } }),
      'name the registry under `registries` in lab.yaml if it wants a password',
    ],
  ])('because it %s is told with its name', async (_name, answer, words) => {
    await expect(calls(pull(), answer)).rejects.toThrow(/^image app:1 was not pulled: /);
    await expect(calls(pull(), answer)).rejects.toThrow(words);
  });

  it('because the password is wrong, names who asked and where the password is, and never the password', async () => {
    const file = passwordFile();
    const login = { host: 'registry.lan:5000', username: 'ada', passwordFile: file };
    const answer: Answer = () => ({ status: 500, body: { message: 'unauthorized: open sesame is not it' } });
    const failed = await calls(pull({ login }), answer).catch((error: Error) => error.message);
    expect(failed).toBe(
      `image app:1 was not pulled: Docker says: unauthorized: [password] is not it; it was asked as ada with the password in ${file}`,
    );
  });

  it.each([
    ['may be read by others', passwordFile('words\n', 0o644), 'run chmod 600'],
    ['is not there', '/nowhere/password', 'does not exist; write the registry password into it'],
  ])('because the file with the password %s says what to do', async (_name, file, words) => {
    const login = { host: 'registry.lan:5000', username: 'ada', passwordFile: file };
    await expect(calls(pull({ login }))).rejects.toThrow(words);
  });
});
