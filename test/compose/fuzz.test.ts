import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, it } from 'vitest';
import { stringify } from 'yaml';
import { builtInReader } from '../../desired-state/compose/built-in.ts';

const root = mkdtempSync(path.join(tmpdir(), 'compose-fuzz-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function read(bytes: Uint8Array | string): Promise<boolean> {
  writeFileSync(path.join(root, 'docker-compose.yml'), bytes);
  const view = { root, as: root };
  const request = {
    project: 'p',
    view,
    folder: '',
    files: ['docker-compose.yml'],
    envFiles: [],
    extraLabels: {},
  };
  const result = await builtInReader().resolve(request);
  return result.ok || (result.problems.length > 0 && result.problems.every(({ line }) => line >= 1));
}

const keys = [
  'image',
  'ports',
  'volumes',
  'environment',
  'networks',
  'depends_on',
  'build',
  'healthcheck',
  'deploy',
]
  .concat([
    'labels',
    'command',
    'configs',
    'secrets',
    'env_file',
    'extends',
    'ulimits',
    'dns',
    'logging',
    'profiles',
  ])
  .concat(['extra_hosts', 'devices', 'x', 'target', 'type', 'source', 'test', '__proto__', 'constructor']);
const leaf = fc.oneof(
  fc.constantFrom('${X', '$$', 'a:b', '/a:/b', '80:80', '', '*', 'service:a'),
  fc.anything({ maxDepth: 1 }),
);
const service = fc.dictionary(
  fc.constantFrom(...keys),
  fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.constantFrom(...keys), leaf)),
);

it('any bytes give a result, never an exception', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), read), { numRuns: 200 });
});

it('any text gives a result, never an exception', async () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('services:', '  a:', '- b', '&x', '*x', '<<: *x', '${A:-', '!reset'),
  );
  const text = fc.array(line).map((lines) => lines.join('\n'));
  await fc.assert(fc.asyncProperty(text, read), { numRuns: 200 });
});

it('any services give a result, never an exception', async () => {
  const files = fc.dictionary(fc.constantFrom('a', 'b', 'constructor'), service).map((services) => {
    try {
      return stringify({ services, volumes: services, networks: { n: null } });
    } catch {
      return '';
    }
  });
  await fc.assert(fc.asyncProperty(files, read), { numRuns: 300 });
});
