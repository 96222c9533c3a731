import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCompose } from '../../desired-state/compose/command.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import { overrideYaml } from '../../desired-state/compose/override.ts';
import type { ComposeReader, ComposeRequest } from '../../desired-state/compose/types.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';

const root = mkdtempSync(path.join(tmpdir(), 'compose-reader-'));
const stable = path.join(root, 'checkout');
const staging = path.join(root, 'staging');
const kept = new Map<string, string>();
const cache = {
  get: (key: string) => kept.get(key),
  set: (key: string, value: string) => void kept.set(key, value),
};
let prefix: string[];
let reader: ComposeReader;

beforeAll(async () => {
  prefix = await dockerCompose();
  reader = await dockerComposeReader({ cache, dockerCompose: prefix });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const compose = `services:
  web:
    image: web:\${TAG}
    command: [run, "--password=\${PASSWORD}"]
    environment: {PASSWORD: "\${PASSWORD}"}
    labels: {secret: "\${PASSWORD}"}
    env_file: app.env
    volumes: [./data:/data]
`;

function write(directory: string, files: Record<string, string>): void {
  mkdirSync(path.join(directory, 'web'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, 'web', name), text);
}

function request(directory: string, change: Partial<ComposeRequest> = {}): ComposeRequest {
  return {
    project: 'web',
    view: { root: directory, as: stable },
    folder: 'web',
    files: ['docker-compose.yml'],
    envFiles: [path.join(directory, 'web/.env')],
    extraLabels: {},
    ...change,
  };
}

const files = {
  'docker-compose.yml': compose,
  '.env': 'TAG=1\nPASSWORD=correcthorse\n',
  'app.env': 'KEY=batterystaple\n',
};

it('a staged commit gives what the same files give at the stable checkout', async () => {
  write(staging, files);
  const staged = [await reader.resolve(request(staging)), await reader.hashes(request(staging))];
  write(stable, files);
  const fresh = await dockerComposeReader({
    cache: { get: () => undefined, set: () => {} },
    dockerCompose: prefix,
  });
  expect(staged).toEqual([await fresh.resolve(request(stable)), await fresh.hashes(request(stable))]);
  expect(staged[0]).toMatchObject({
    project: { services: { web: { image: 'web:1', volumes: [{ source: `${stable}/web/data` }] } } },
  });
});

it('no secret leaves the reader, neither in a project nor in the cache', async () => {
  write(stable, files);
  const result = await reader.resolve(request(stable));
  expect(result.ok).toBe(true);
  expect(kept.size).toBeGreaterThan(0);
  expect(JSON.stringify([result, ...kept])).not.toMatch(/correcthorse|batterystaple/);
});

it.each(['.env', 'app.env', 'docker-compose.yml'])(
  'a change of %s is seen, though results are kept',
  async (name) => {
    write(stable, files);
    const before = await reader.hashes(request(stable));
    const changed = {
      '.env': 'TAG=2\nPASSWORD=x\n',
      'app.env': 'KEY=other\n',
      'docker-compose.yml': compose.replace('run', 'go'),
    };
    write(stable, { [name]: changed[name as keyof typeof changed] });
    expect(await reader.hashes(request(stable))).not.toEqual(before);
  },
);

it('a second reader with the same cache asks compose for nothing but its version', async () => {
  write(stable, files);
  const first = await reader.resolve(request(stable));
  const size = kept.size;
  const second = await dockerComposeReader({ cache, dockerCompose: prefix });
  expect(await second.resolve(request(stable))).toEqual(first);
  expect(kept.size).toBe(size);
});

it('what was said of a staged commit is not asked again once it stands in the checkout', async () => {
  write(staging, files);
  write(stable, files);
  const staged = [await reader.resolve(request(staging)), await reader.hashes(request(staging))];
  const size = kept.size;
  expect([await reader.resolve(request(stable)), await reader.hashes(request(stable))]).toEqual(staged);
  expect(kept.size).toBe(size);
});

it('what compose has stamped need not be asked for, until the files change', async () => {
  write(stable, { ...files, 'docker-compose.yml': compose.replace('run', 'stamped') });
  await reader.learn?.(request(stable), { web: 'as stamped' });
  const second = await dockerComposeReader({ cache, dockerCompose: prefix });
  expect(await second.hashes(request(stable))).toEqual({ web: 'as stamped' });
  write(stable, { 'docker-compose.yml': compose.replace('run', 'changed') });
  expect((await second.hashes(request(stable))).web).toMatch(/^[0-9a-f]{64}$/);
});

it('the hash with extra labels is the same whether the override is on stdin or in a file', async () => {
  // Without env_file, so that compose hashes the files themselves.
  const plain = compose.replace('    env_file: app.env\n', '');
  write(stable, { ...files, 'docker-compose.yml': plain });
  const extraLabels = { web: { 'io.steward.files': 'a$b' } };
  const piped = await reader.hashes(request(stable, { extraLabels }));
  write(stable, { 'override.yml': overrideYaml(extraLabels) });
  const filed = request(stable, { files: ['docker-compose.yml', 'override.yml'] });
  const { stdout } = await runCompose(prefix, filed, ['config', '--hash', '*']);
  expect(stdout.trim()).toBe(`web ${piped.web}`);
  expect(piped).not.toEqual(await reader.hashes(request(stable)));
});

it.each([
  ['services:\n  web:\n    image: x\n    imagee: y\n', 4, 5, 'write `image`'],
  [
    'services:\n  web:\n    image: x\n    networks: [n]\n',
    4,
    16,
    'declare `n` under the top-level `networks:`, or correct the name',
  ],
  [
    'services:\n  web:\n    image: "x:${MISSING}"\n',
    3,
    15,
    'set MISSING in .env, or write ${MISSING:-} where it may be empty',
  ],
])('a mistake has its place and a fix: %j', async (text, line, column, fix) => {
  write(stable, { ...files, 'docker-compose.yml': text });
  const result = await reader.resolve(request(stable));
  expect(result).toMatchObject({
    ok: false,
    problems: [{ file: 'web/docker-compose.yml', line, column, fix }],
  });
});
