import { describe, expect, test } from 'vitest';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { maskSecrets } from '../../desired-state/compose/mask.ts';
import type { ComposeReader, ResolvedProject } from '../../desired-state/compose/types.ts';
import { projectKeys } from '../../desired-state/policy/keys/project.ts';
import { type Keys, reasonOf, type Verdict } from '../../desired-state/policy/keys/verdict.ts';
import { rules } from '../../desired-state/policy/rules/index.ts';
import { unknownKeys } from '../../desired-state/policy/unjudged.ts';
import { schemaPaths } from './compose-keys.ts';
import { stateOf as readState } from './lab-folder.ts';
import { compose, files } from './policy-lab.ts';

const listed = new Map(verdicts(projectKeys, ''));

function verdicts(keys: Keys, above: string): [path: string, verdict: Verdict | null][] {
  return Object.entries(keys).flatMap(([key, below]) => {
    const path = above === '' ? key : `${above}.${key}`;
    if (typeof below === 'string') return [[path, below] as [string, Verdict]];
    return [[path, null] as [string, null], ...verdicts(below, path)];
  });
}

/** What is refused is refused with all that is in it. */
function isRefused(path: string): boolean {
  const parts = path.split('.');
  return parts.some((_part, index) => {
    const verdict = listed.get(parts.slice(0, index + 1).join('.'));
    return typeof verdict === 'string' && reasonOf(verdict) !== null;
  });
}

/** Compose prints it as `external: true` and `name`. */
const olderSpelling = /\.external\.name$/;

test.each(schemaPaths().filter((path) => !olderSpelling.test(path)))('%s is in one list', (path) => {
  expect(listed.has(path) || isRefused(path)).toBe(true);
});

test('no list holds what there is not, but for keys of newer versions', () => {
  const known = new Set(schemaPaths());
  expect([...listed.keys()].filter((path) => !known.has(path))).toEqual([
    'services.*.use_api_socket',
    'services.*.provider',
  ]);
});

test('every key that a rule judges names a rule that there is', () => {
  const names = [...listed.values()].filter((each) => each !== null && each !== 'harmless');
  for (const name of names) expect(name !== null && (name in rules || reasonOf(name) !== null)).toBe(true);
});

describe('an unknown key', () => {
  const keysOf = (value: unknown) => unknownKeys(value, projectKeys).map(({ path }) => path.join('.'));

  test.each([
    ['of compose', { models: { llm: {} } }, ['models']],
    ['of a service', { services: { web: { image: 'x', door: null } } }, ['services.web.door']],
    ['of a build', { services: { web: { build: { attest: [] } } } }, ['services.web.build.attest']],
    ['of deploy', { services: { web: { deploy: { run: 1 } } } }, ['services.web.deploy.run']],
    ['deep below', { services: { w: { volumes: [{ image: {} }] } } }, ['services.w.volumes.0.image']],
    ['of a network', { networks: { n: { tunnel: true } } }, ['networks.n.tunnel']],
    ['of a volume', { volumes: { v: { cluster: {} } } }, ['volumes.v.cluster']],
    ['of a secret', { secrets: { s: { command: 'x' } } }, ['secrets.s.command']],
    ['of a config', { configs: { s: { command: 'x' } } }, ['configs.s.command']],
    ['inherited by everything', JSON.parse('{"services":{"w":{"__proto__":1}}}'), ['services.w.__proto__']],
    ['below a plain value', { services: { w: { command: [[['x']]] } } }, ['services.w.command']],
    ['of a service of an odd name', { services: { 'x-y': { door: 1 } } }, ['services.x-y.door']],
  ])('%s', (_where, value, expected) => {
    expect(keysOf(value)).toEqual(expected);
  });

  test('of an extension is no key of compose', () => {
    expect(keysOf({ 'x-a': { b: [] }, services: { web: { 'x-b': {}, labels: { a: 'b' } } } })).toEqual([]);
  });
});

/** Compose of another year: prints more than the schema beside this knows. */
function newerCompose(change: (project: ResolvedProject) => object): ComposeReader {
  const reader = builtInReader();
  return {
    ...reader,
    name: 'newer compose',
    async resolve(request) {
      const result = await reader.resolve(request);
      if (!result.ok) return result;
      return { ...result, project: maskSecrets(change(result.project) as ResolvedProject) };
    },
  };
}

async function told(change: (project: ResolvedProject) => object, more = ''): Promise<string[]> {
  const state = await readState(files(compose(more)), { compose: newerCompose(change) });
  return state.policy.findings.map(
    ({ rule, severity, message, file, line }) => `${rule} ${severity} ${file}:${line} ${message}`,
  );
}

const at = 'services/photo/docker-compose.yml';

function inServer(project: ResolvedProject, more: object): object {
  if (project.name !== 'photo') return project;
  return { ...project, services: { server: { ...project.services.server, ...more } } };
}

test('a key that only a newer compose knows holds the service back', async () => {
  expect(await told((project) => inServer(project, { tunnel: { to: 'host' } }))).toEqual([
    `unjudged error ${at}:3 server has tunnel, and no rule knows what it does`,
  ]);
  expect(await told((project) => (project.name === 'photo' ? { ...project, models: {} } : project))).toEqual([
    `unjudged error ${at}:1 the compose file has models, and no rule knows what it does`,
  ]);
});

test('those that are known to be a door are named as such', async () => {
  expect(
    await told((project) => inServer(project, { use_api_socket: true, provider: { type: 'x' } })),
  ).toEqual([
    `unjudged error ${at}:3 server has provider: it is a program that compose runs on the server`,
    `docker-socket error ${at}:3 server speaks to Docker through use_api_socket`,
  ]);
});

test.each([
  ['annotations: { a: b }', 'server has annotations: they speak to what makes containers, as root'],
  ['develop: { watch: [] }', 'server has develop: it copies files into containers that Git does not know of'],
  [
    'external_links: [git]',
    'server has external_links: they lead to containers of others, with all variables of these',
  ],
  ['isolation: hyperv', 'server has isolation: it chooses other walls than those that the rules know'],
])('%s', async (more, message) => {
  expect(await told((project) => project, more)).toEqual([`unjudged error ${at}:8 ${message}`]);
});
