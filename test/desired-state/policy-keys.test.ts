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
import { compose, files, net, problemsOf, readerOf } from './policy-lab.ts';

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
  const isWrittenSo = (path: string) => known.has(path.replace(/[A-Z][a-z]+$/, (word) => word.toLowerCase()));
  expect([...listed.keys()].filter((path) => !isWrittenSo(path))).toEqual([
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

const harmless = `blkio_config: { weight: 5, device_read_bps: [{ path: /dev/sda, rate: 5 }], weight_device: [{ path: /dev/sda, weight: 5 }] }
ulimits: { nofile: { soft: 1, hard: 2 }, nproc: 4 }
extra_hosts: ["a=1.2.3.4"]
healthcheck: { test: [CMD, x], interval: 5s, start_interval: 1s, retries: 3, start_period: 1s, timeout: 2s }
tmpfs: [/run:size=5]
logging: { driver: json-file, options: { max-size: 10m } }
deploy: { mode: replicated, replicas: 1, labels: { a: b }, endpoint_mode: vip, placement: { constraints: [a], preferences: [{ spread: x }], max_replicas_per_node: 1 }, resources: { limits: { cpus: "1", memory: 1g, pids: 5 }, reservations: { cpus: "1", memory: 1m } }, restart_policy: { condition: any, delay: 1s, max_attempts: 1, window: 1s }, update_config: { parallelism: 1, order: start-first }, rollback_config: { parallelism: 1 } }
volumes: [{ type: tmpfs, target: /t, tmpfs: { size: 5, mode: 755 } }, { type: bind, source: /tank/services/photo/d, target: /d, bind: { create_host_path: true, selinux: z } }, { type: volume, source: d, target: /v, volume: { nocopy: true, subpath: x } }]
configs: [{ source: c, target: /c, uid: "5", gid: "6", mode: 0444 }]
cap_drop: [ALL]
cap_add: [CHOWN]
group_add: ["1500"]
security_opt: ["no-new-privileges:true"]
sysctls: { net.ipv4.ip_forward: 1 }
stop_signal: SIGTERM
stop_grace_period: 1m30s
init: true
tty: true
stdin_open: true
memswap_limit: 2g
mem_swappiness: 5
shm_size: 5m
cpu_shares: 5
cpuset: "0"
oom_score_adj: 5
oom_kill_disable: true
read_only: true
working_dir: /x
hostname: x
domainname: y
dns: 1.1.1.1
dns_opt: [a]
dns_search: [b]
expose: [80]
labels: [a=b]
command: [x]
entrypoint: x
pull_policy: always
platform: linux/amd64
attach: false
storage_opt: { size: 5G }
x-note: { a: [b] }`;

test.each(['built-in', 'docker compose'])('what is harmless passes as %s prints it', async (name) => {
  const below = `${net}volumes: { d: {} }\nconfigs: { c: { content: x, labels: { a: b } } }\nx-note: 1\n`;
  const tree = files(compose(harmless, below));
  expect((await readState(tree, { compose: await readerOf(name) })).policy.findings).toEqual([]);
});

test.each(['services', 'volumes', 'configs'])(
  'nothing below %s hides behind the name __proto__',
  async (part) => {
    const more =
      part === 'services'
        ? '  __proto__: { image: "a:1", privileged: true }'
        : `${part}: { __proto__: { a: b } }`;
    const problems = await problemsOf(files(compose('init: true', more)));
    expect(problems.map(({ line, message }) => `${line} ${message}`)).toEqual([
      `9 ${part}.__proto__ is a name that cannot be had`,
    ]);
  },
);
