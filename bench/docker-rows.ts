import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../tools/run.ts';
import { type Daemon, image } from './docker-daemon.ts';
import { type Lab, makeLab, prepareChange } from './lab.ts';
import { median, ms, type Row, series } from './report.ts';
import { installedIn, requireConverged, settingsOf, startLoop, timedOnce } from './steward.ts';

/** Steward against a loop of `docker compose up -d` over the same stacks, on the same daemon, in turns. */

const stacks = 50;
const rounds = { first: 2, idle: 3, change: 7 };

interface Bench {
  lab: Lab;
  env: Daemon['env'];
  stateDir: string;
  /** The program. */
  steward: string;
}

export async function dockerRows(home: string, { env }: Daemon, onRow: (row: Row) => void): Promise<void> {
  const lab = await makeLab(join(home, 'docker-lab'), { count: stacks, lab: labYaml, compose: composeYaml });
  Object.assign(process.env, env);
  const bench: Bench = { lab, env, stateDir: join(home, 'state'), steward: installedIn(home) };
  onRow(await firstApply(bench));
  for (const row of await nothingToDo(bench)) onRow(row);
  onRow(await oneChange(bench));
}

const labYaml = 'version: 1\nname: bench\n';

function composeYaml(service: string): string {
  return `services:
  app:
    image: ${image}
    command: ["sleep", "1000000"]
    restart: unless-stopped
    stop_grace_period: 0s
    environment:
      REVISION: "1"
    networks: [${service}_net]
networks:
  ${service}_net:
    external: true
`;
}

async function firstApply(bench: Bench): Promise<Row> {
  const [networks, ups, own]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds.first; round += 1) {
    await wipe(bench);
    networks.push(await timed(() => makeNetworks(bench)));
    ups.push(await timed(() => composeLoop(bench, bench.lab.work)));
    await wipe(bench);
    rmSync(bench.stateDir, { recursive: true, force: true });
    own.push(await timedOnce(bench.steward, argumentsOf(bench), bench.env));
  }
  const loop = ups.map((up, index) => up + (networks[index] ?? 0));
  const ratio = median(loop) / median(own);
  return {
    what: `first apply of ${stacks} stacks, against the sequential compose loop`,
    target: '1.4 times faster',
    result: `${ratio.toFixed(2)} times faster`,
    met: ratio >= 1.4,
    raw: [
      series('docker network create, one by one', networks),
      series('docker compose up -d, one by one', ups),
      series('steward reconcile --once: networks, stacks, health', own),
      `against the time of compose alone: ${(median(ups) / median(own)).toFixed(2)} times`,
    ],
  };
}

async function nothingToDo(bench: Bench): Promise<Row[]> {
  const checkout = join(bench.stateDir, 'checkout');
  const cold = await timedOnce(bench.steward, argumentsOf(bench), bench.env);
  const before = await containerIds(bench);
  const [compose, running, fresh]: [number[], number[], number[]] = [[], [], []];
  await using loop = await startLoop(settingsOf(bench.lab.bare, bench.stateDir, 'local'));
  requireConverged(await loop.nextCycle());
  for (let round = 0; round < rounds.idle; round += 1) {
    compose.push(await timed(() => composeLoop(bench, checkout)));
    for (let turn = 0; turn < 7; turn += 1) running.push(await timedLook(loop));
    for (let turn = 0; turn < 4; turn += 1)
      fresh.push(await timedOnce(bench.steward, argumentsOf(bench), bench.env));
  }
  if ((await containerIds(bench)) !== before)
    throw new Error('a cycle with nothing to do touched a container');
  const base = series(`docker compose up -d over ${stacks} stacks, nothing to do`, compose);
  const asked = `the first such cycle, which asks compose for ${stacks} hashes: ${ms(cold)}`;
  const inLoop = { times: running, name: 'one cycle of the loop', wanted: 50 };
  const asProcess = { times: fresh, name: 'steward reconcile --once', wanted: 10 };
  return [
    idleRow('a cycle with nothing to do in the running loop', inLoop, compose, [base]),
    idleRow('the same as a fresh process', asProcess, compose, [base, asked]),
  ];
}

async function timedLook(loop: Awaited<ReturnType<typeof startLoop>>): Promise<number> {
  const start = performance.now();
  const next = loop.nextCycle();
  loop.look();
  requireConverged(await next);
  return performance.now() - start;
}

function idleRow(
  what: string,
  own: { times: number[]; name: string; wanted: number },
  compose: number[],
  raw: string[],
): Row {
  const ratio = median(compose) / median(own.times);
  return {
    what: `${what}, ${stacks} stacks, against \`docker compose up -d\` over the same`,
    target: `${own.wanted} times faster`,
    result: `${ratio.toFixed(1)} times faster`,
    met: ratio >= own.wanted,
    raw: [...raw, series(own.name, own.times)],
  };
}

async function oneChange(bench: Bench): Promise<Row> {
  const checkout = join(bench.stateDir, 'checkout');
  const [compose, own]: [number[], number[]] = [[], []];
  await using loop = await startLoop(settingsOf(bench.lab.bare, bench.stateDir, 'local'));
  requireConverged(await loop.nextCycle());
  for (const service of bench.lab.services.slice(0, rounds.change)) {
    const change = await prepareChange(bench.lab, service);
    const called = loop.nextUp();
    const done = loop.nextCycle();
    const start = performance.now();
    change.publish();
    own.push((await called) - start);
    await done;
    compose.push(await timed(() => composeUp(bench, join(checkout, 'services', service))));
  }
  const ratio = median(own) / median(compose);
  return {
    what: `one changed service among ${stacks}: from the commit being there to compose being called for it`,
    target: 'at most 4 × one `docker compose up -d` that has nothing to do',
    result: `${ratio.toFixed(2)} ×`,
    met: ratio <= 4,
    raw: [series('one docker compose up -d', compose), series('from commit to compose', own)],
  };
}

function argumentsOf({ lab, stateDir }: Bench): string[] {
  return ['--repo', lab.bare, '--state-dir', stateDir, '--wait', '5'];
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

async function composeLoop(bench: Bench, root: string): Promise<void> {
  for (const service of bench.lab.services) await composeUp(bench, join(root, 'services', service));
}

async function composeUp({ env }: Bench, folder: string): Promise<void> {
  await runOk('docker', ['compose', 'up', '-d'], { env, cwd: folder, timeoutMs: 60_000 });
}

async function makeNetworks({ lab, env }: Bench): Promise<void> {
  for (const [index, service] of lab.services.entries()) {
    const subnet = `10.88.${index >> 2}.${(index & 3) * 64}/26`;
    await runOk('docker', ['network', 'create', '--subnet', subnet, `${service}_net`], { env });
  }
}

async function containerIds({ env }: Bench): Promise<string> {
  return runOk('docker', ['ps', '-aq', '--no-trunc'], { env });
}

async function wipe(bench: Bench): Promise<void> {
  const { env } = bench;
  const ids = (await containerIds(bench)).split('\n').filter(Boolean);
  if (ids.length > 0) await runOk('docker', ['rm', '-f', ...ids], { env, timeoutMs: 120_000 });
  await runOk('docker', ['network', 'prune', '-f'], { env, timeoutMs: 120_000 });
}
