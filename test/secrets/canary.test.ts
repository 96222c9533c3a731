import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSimulator } from '../../cli/simulator.ts';
import { gitSource } from '../../cli/source.ts';
import { builtInReader } from '../../desired-state/compose/built-in.ts';
import { dockerComposeReader } from '../../desired-state/compose/docker-compose.ts';
import type { ComposeReader } from '../../desired-state/compose/types.ts';
import { openRepository } from '../../desired-state/repository.ts';
import { hostExecutor } from '../../reconciler/apply/host.ts';
import type { Executor } from '../../reconciler/apply/types.ts';
import { type Cycle, runCycle } from '../../reconciler/cycle.ts';
import { textCache } from '../../reconciler/state/cache.ts';
import { openStore } from '../../reconciler/state/store.ts';
import { systemClock } from '../../tools/clock.ts';
import { maskKey } from '../../tools/secrets/mask-key.ts';
import { start, steward } from '../cli/steward.ts';
import { dockerCompose } from '../support/docker-compose-binary.ts';
import { fakeTool } from '../support/fake-tools.ts';
import { canaries, foundBelow, foundIn, type Place, type Planted, plant, usualCompose } from './canaries.ts';
import { anyMemory, newKey } from './keys.ts';

let planted: Planted;
let said: [string, string][];
beforeEach(async () => {
  said = [];
  planted = await plant();
});
afterEach(() => planted.lab.remove());

async function says(...args: string[]): Promise<string> {
  const { lab, flags } = planted;
  const { stdout, stderr } = await steward([
    ...args,
    ...(['status', 'why'].includes(args[0] ?? '') ? lab.kept : flags),
  ]);
  said.push([args.join(' '), stdout + stderr]);
  return stdout + stderr;
}

function expectNothing(...all: Record<Place, string>[]): void {
  for (const values of all) {
    expect(said.flatMap(([name, text]) => foundIn(text, values, name))).toEqual([]);
    expect(foundBelow(planted.lab.stateDir, values)).toEqual([]);
    expect(foundBelow(planted.runDir, values)).toEqual([]);
  }
}

it('no command gives a value away, nor leaves one behind', async () => {
  const after = canaries();
  expect(await says('plan', '-v')).toContain('compose-stack');
  await says('plan', '--output', 'json');
  expect(await says('reconcile', '--once', '-v')).toContain('photo');
  await planted.push(after);
  expect(await says('plan', '-v')).toContain('environment.CANARY_AGE');
  await says('plan', '--output', 'json');
  await says('reconcile', '--once', '--output', 'json');
  for (const command of ['status', 'why']) {
    const subject = command === 'why' ? ['compose-stack:photo'] : [];
    await says(command, ...subject);
    await says(command, ...subject, '--output', 'json');
  }
  expect(await says('plan')).not.toContain('environment.CANARY');
  expectNothing(planted.values, after);
});

it('a changed secret is a change of the containers that use it, and of no other', async () => {
  await says('reconcile', '--once');
  await planted.push({ ...planted.values, yaml: canaries().yaml });
  const plan = JSON.parse(await says('plan', '--output', 'json')).plan ?? {};
  const text = await says('plan');
  expect(text).toContain('environment.CANARY_YAML');
  expect(text).toContain('services/photo/.env.sops.yaml');
  expect(text).toContain('1 of 2 containers');
  expect(JSON.stringify(plan)).not.toContain('CANARY_AGE');
  expectNothing(planted.values);
});

it.each([
  ['a number', 'scale: ${CANARY_AGE}'],
  ['a duration', 'stop_grace_period: ${CANARY_SOPS}'],
  ['a port', 'ports: ["${CANARY_AGE}:80"]'],
  ['a message of its own', 'environment: { A: "${NOBODY_SETS_THIS:?not ${CANARY_AGE} today}" }'],
])('a compose file that wants a secret to be %s is refused without the secret', async (_what, line) => {
  await planted.push(planted.values, `${usualCompose}    ${line}\n`);
  expect(await says('plan')).toMatch(/services\/photo\/docker-compose\.yml/);
  await says('plan', '--output', 'json');
  await says('reconcile', '--once');
  await says('status', '--output', 'json');
  expectNothing(planted.values);
});

it('the daemon gives none away in its log, its metrics and its status', async () => {
  const child = start(['reconcile', '--listen', '127.0.0.1:0', '--interval', '1s', ...planted.flags], {
    all: true,
  });
  let log = '';
  child.all?.on('data', (part: Buffer) => {
    log += part.toString();
  });
  await expect.poll(() => log, { timeout: 20_000 }).toMatch(/"msg":"change applied"[\s\S]*"msg":"cycle"/);
  const address = /"address":"([^"]+)"/.exec(log)?.[1] ?? '';
  for (const page of ['metrics', 'status', 'healthz']) {
    const answer = await fetch(`${address.startsWith('http') ? '' : 'http://'}${address}/${page}`);
    said.push([page, await answer.text()]);
  }
  child.kill('SIGTERM');
  await child;
  said.push(['log', log]);
  expect(said[0]?.[1]).toContain('steward_');
  expectNothing(planted.values);
});

/** Cycles on a simulated host whose compose is a program that prints the whole environment and fails. */
async function cycles(
  reader: (parts: Parts) => Promise<ComposeReader>,
  box = planted.key.box,
): Promise<Cycle[]> {
  const { lab, environmentDir, runDir } = planted;
  const { stateDir } = lab;
  const compose = fakeTool(
    'for a in "$@"; do [ "$l" = --env-file ] && cat "$f" "$a" >&2; f=$a; l=$a; done; { echo "Error: bad environment"; for a in "$@"; do [ "$m" = --env-file ] && tr "\\n" " " < "$a"; m=$a; done; } | tr "\\n" " " >&2; exit 1',
  );
  const store = openStore(stateDir);
  try {
    const parts = {
      secrets: box,
      maskKey: maskKey(stateDir),
      cache: textCache(store),
      memory: { runDir, ...anyMemory },
    };
    const repository = openRepository({ url: lab.remote, stateDir });
    const source = gitSource({
      repository,
      compose: () => reader(parts),
      environmentDir,
      stateDir,
      secrets: box,
    });
    const simulated = openSimulator(stateDir, source, source.current);
    const host = hostExecutor({
      commands: { compose: [compose.command] },
      secrets: box,
      runDir,
      stateDir,
      ...anyMemory,
    });
    const executor: Executor = {
      execute: (step, options) =>
        (step.op.startsWith('compose-') ? host : simulated.executor).execute(step, options),
    };
    const deps = { source, store, clock: systemClock, observer: simulated.observer, executor };
    const done = [await runCycle(deps, { dry: true }), await runCycle(deps, { dry: false })];
    said.push(
      ['cycles', JSON.stringify(done)],
      ['errors', done.flatMap(({ outcomes }) => outcomes.map(({ error }) => error)).join()],
    );
    return done;
  } finally {
    store.close();
  }
}

type Parts = NonNullable<Parameters<typeof builtInReader>[0]> & Parameters<typeof dockerComposeReader>[0];

it.each(['built-in', 'docker compose'])(
  'what a failing compose prints is told without values (%s)',
  async (name) => {
    const prefix = await dockerCompose();
    const [, applied] = await cycles(async (parts) =>
      name === 'built-in' ? builtInReader(parts) : dockerComposeReader({ ...parts, dockerCompose: prefix }),
    );
    expect(applied?.result).toBe('failed');
    expect(applied?.outcomes[0]?.error).toMatch(/Error: bad environment.*CANARY_AGE.*\*\*\*/);
    await says('status');
    await says('why', 'compose-stack:photo');
    expect(readdirSync(path.join(planted.runDir, 'env'))).toEqual([]);
    expectNothing(planted.values);
  },
);

it('without the key its stack waits with a reason, and nothing is made of empty secrets', async () => {
  const stranger = await newKey();
  await planted.lab.commit('a neighbour', {
    'services/git/docker-compose.yml': 'services: { git: { image: git } }\n',
  });
  const [, applied] = await cycles(async (parts) => builtInReader(parts), stranger.box);
  expect(applied?.plan?.blocked).toMatchObject([
    {
      id: 'compose-stack:photo',
      state: 'waiting',
      reasons: [{ note: expect.stringContaining('is not among the recipients of services/photo/') }],
    },
  ]);
  expect(applied?.plan?.changes.map(({ id }) => id)).toEqual(expect.arrayContaining(['compose-stack:git']));
  expect(applied?.plan?.changes.map(({ id }) => id)).not.toContain('compose-stack:photo');
  expectNothing(planted.values);
});

it('containers that run go on where the key is lost, and are compared again when it is back', async () => {
  await says('reconcile', '--once');
  const config = path.join(planted.lab.root, 'lost.yaml');
  writeFileSync(
    config,
    JSON.stringify({ environmentDir: planted.environmentDir, secrets: { identity: '/nowhere/age.key' } }),
  );
  const lost = await steward(['reconcile', '--once', ...planted.lab.flags, '--config', config]);
  expect(lost.code).toBe(1);
  expect(lost.stdout).toContain('/nowhere/age.key does not exist');
  expect(await says('plan', '--output', 'json')).toMatch(/"changes": \[\]/);
  expectNothing(planted.values);
});
