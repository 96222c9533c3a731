import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveUnmasked } from '../../desired-state/compose/built-in.ts';
import { runCompose } from '../../desired-state/compose/command.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import type { ComposeReader, ComposeRequest } from '../../desired-state/compose/types.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';

const corpus = path.join(import.meta.dirname, 'corpus');
const all = readdirSync(corpus).sort();
const good = all.filter((name) => !name.startsWith('bad-'));
const bad = all.filter((name) => name.startsWith('bad-'));

function request(folder: string): ComposeRequest {
  const has = (file: string) => existsSync(path.join(corpus, folder, file));
  return {
    project: 'corpus',
    view: { root: corpus, as: corpus },
    folder,
    files: ['docker-compose.yml', 'docker-compose.override.yml'].filter(has),
    envFiles: ['.env'].filter(has).map((file) => path.join(corpus, folder, file)),
    extraLabels: {},
  };
}

let prefix: string[];
let real: ComposeReader;

beforeAll(async () => {
  prefix = await dockerCompose();
  const kept = new Map<string, string>();
  const cache = {
    get: (key: string) => kept.get(key),
    set: (key: string, value: string) => void kept.set(key, value),
  };
  real = await dockerComposeReader({ cache, dockerCompose: prefix });
});

it('the corpus is as large as it is meant to be', () => {
  expect([good.length >= 40, bad.length >= 25]).toEqual([true, true]);
});

describe('the built-in reader and docker compose', () => {
  it.each(good)('read %s to the same form', async (folder) => {
    const { stdout, stderr } = await runCompose(prefix, request(folder), ['config', '--format', 'json']);
    const {
      name,
      services,
      networks = {},
      volumes = {},
      configs = {},
      secrets = {},
    } = JSON.parse(stdout || 'null') ?? { stderr };
    const ours = await resolveUnmasked(request(folder));
    expect(ours).toEqual({
      ok: true,
      project: { name, services, networks, volumes, configs, secrets },
      unresolved: [],
    });
  });

  it.each(bad)('both refuse %s, with a place in the file', async (folder) => {
    for (const result of [await real.resolve(request(folder)), await resolveUnmasked(request(folder))]) {
      const problems = result.ok ? [] : result.problems;
      expect(problems.length).toBeGreaterThan(0);
      for (const { file, line, message } of problems) {
        expect({ file, message }).toEqual({
          file: `${folder}/docker-compose.yml`,
          message: expect.stringMatching(/\w/),
        });
        expect(line).toBeGreaterThan(0);
      }
    }
  });
});
