import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { load } from '../tools/caddy/admin.ts';
import { composeCaddyfile } from '../tools/caddy/compose.ts';
import { runOk } from '../tools/run.ts';
import { type Daemon, image } from './docker-daemon.ts';
import { type Lab, makeLab, prepareFiles } from './lab.ts';
import { median, ms, type Row, series } from './report.ts';
import { requireConverged, settingsOf, startLoop } from './steward.ts';

/** A new service with a route, from the commit being there to its first answer through a real Caddy. */

const spokes = 20;
const rounds = 5;
const port = 18_443;

interface Bench {
  lab: Lab;
  env: Daemon['env'];
  /** What the hub shares with the host. */
  shared: string;
}

export async function routeRows(home: string, { env }: Daemon, onRow: (row: Row) => void): Promise<void> {
  Object.assign(process.env, env);
  const few = await measured(home, env, 1);
  onRow(firstAnswer(few));
  onRow(growth(few, await measured(home, env, 10)));
}

interface Measured {
  /** From the commit to the first 200; and what `docker compose up -d` takes for such a stack. */
  own: number[];
  compose: number[];
  /** Of the cycle: plan, and the step that loads the route. */
  plan: number[];
  load: number[];
  /** What Caddy alone takes to load the same Caddyfile again. */
  caddy: number[];
}

async function measured(home: string, env: Daemon['env'], routesEach: number): Promise<Measured> {
  const bench = await converged(home, env, routesEach);
  const result: Measured = { own: [], compose: [], plan: [], load: [], caddy: [] };
  await using loop = await startLoop(settingsOf(bench.lab.bare, stateDir(home, routesEach), 'local'));
  requireConverged(await loop.nextCycle());
  for (let round = 0; round < rounds; round += 1) {
    const name = `new${routesEach}x${round}`;
    const change = await prepareFiles(bench.lab, service(name, [name]));
    const done = loop.nextCycle();
    const start = performance.now();
    change.publish();
    await answered(`${name}.lan`);
    result.own.push(performance.now() - start);
    const { durationsMs, outcomes } = await done;
    result.plan.push(durationsMs.plan ?? 0);
    result.load.push(outcomes.find(({ change: { kind } }) => kind === 'caddy-route')?.durationMs ?? 0);
    result.caddy.push(await byCaddyAlone(bench));
    result.compose.push(await byHand(bench, `hand${routesEach}x${round}`));
  }
  return result;
}

async function converged(home: string, env: Daemon['env'], routesEach: number): Promise<Bench> {
  const shared = join(home, `hub-${routesEach}`);
  for (const folder of ['routes', 'run']) mkdirSync(join(shared, folder), { recursive: true });
  await runOk('sh', ['-c', 'docker ps -aq | xargs -r docker rm -f; docker network prune -f'], {
    env,
    timeoutMs: 120_000,
  });
  const names = Array.from({ length: spokes }, (_, index) => `spoke${routesEach}x${index}`);
  const hosts = (name: string) => Array.from({ length: routesEach }, (_, index) => `${name}-${index}`);
  const files = Object.assign({}, hub(shared), ...names.map((name) => service(name, hosts(name))));
  const lab = await makeLab(join(home, `routes-${routesEach}`), {
    count: 0,
    lab: labYaml,
    compose: () => '',
    files,
  });
  await using loop = await startLoop(settingsOf(lab.bare, stateDir(home, routesEach), 'local'));
  for (let cycle = await loop.nextCycle(); cycle.result !== 'converged'; cycle = await next(loop)) {
    const failed = cycle.outcomes.find(({ result }) => result === 'failed');
    if (failed !== undefined) throw new Error(`${failed.change.id}: ${failed.error}`);
    const held = cycle.plan?.blocked.find(({ state }) => state === 'policy');
    if (held !== undefined) throw new Error(`${held.id}: ${held.reasons[0]?.note}`);
  }
  return { lab, env, shared };
}

function next(loop: Awaited<ReturnType<typeof startLoop>>) {
  const cycle = loop.nextCycle();
  loop.look();
  return cycle;
}

const stateDir = (home: string, routesEach: number) => join(home, `routes-state-${routesEach}`);
const labYaml =
  'version: 1\nname: bench\ndomain: lan\nhub: { service: hub, container: hub, address: 127.0.0.1 }\npolicy: { rules: { outside-bind-mount: off } }\n';

const importLine = 'import /routes/*.caddy';
const caddyfile = `{\n\tadmin unix//run/caddy/admin.sock\n\tskip_install_trust\n}\n${importLine}\n`;

/** The machine's own Caddy, in a container that has nothing else. */
function hub(shared: string): Record<string, string> {
  const compose = `services:
  caddy:
    image: ${image}
    container_name: hub
    command: ["/usr/bin/caddy", "run", "--config", "/Caddyfile", "--adapter", "caddyfile"]
    environment: { HOME: /tmp, XDG_DATA_HOME: /tmp, XDG_CONFIG_HOME: /tmp }
    stop_grace_period: 0s
    ports: ["127.0.0.1:${port}:443"]
    networks: [hub_net]
    volumes:
      - /usr/bin/caddy:/usr/bin/caddy:ro
      - /usr/lib:/lib:ro
      - /usr/lib64:/lib64:ro
      - ./Caddyfile:/Caddyfile:ro
      - ${shared}/routes:/routes:ro
      - ${shared}/run:/run/caddy
networks:
  hub_net: { external: true }
`;
  return { 'services/hub/docker-compose.yml': compose, 'services/hub/Caddyfile': caddyfile };
}

const stack = (name: string) => `services:
  web:
    image: ${image}
    container_name: ${name}-web
    command: ["busybox", "httpd", "-f", "-p", "8080", "-h", "/bin"]
    stop_grace_period: 0s
    networks: [${name}_net]
networks:
  ${name}_net: { external: true }
`;

function service(name: string, hosts: string[]): Record<string, string> {
  const routes = hosts.map((host) => `  - { host: ${host}, to: "${name}-web:8080" }\n`).join('');
  return {
    [`services/${name}/docker-compose.yml`]: stack(name),
    [`services/${name}/service.yaml`]: `version: 1\nroutes:\n${routes}`,
  };
}

/** Resolves with the first 200 for a file that the service has. */
async function answered(host: string): Promise<void> {
  const endMs = performance.now() + 60_000;
  while ((await statusOf(host)) !== 200) {
    if (performance.now() > endMs) throw new Error(`${host} did not answer within a minute`);
    await delay(10);
  }
}

function statusOf(host: string): Promise<number | null> {
  return new Promise((resolve) => {
    const options = {
      host: '127.0.0.1',
      port,
      servername: host,
      path: '/busybox',
      rejectUnauthorized: false,
      agent: false,
    };
    const asked = request({ ...options, headers: { Host: host } }, (answer) => {
      answer.destroy();
      resolve(answer.statusCode ?? null);
    });
    asked.on('error', () => resolve(null));
    asked.end();
  });
}

/** Its network is made before, as Steward's part is not compose's. */
async function byHand({ env, lab }: Bench, name: string): Promise<number> {
  const folder = join(lab.work, '..', `hand-${name}`);
  mkdirSync(folder);
  await runOk('sh', ['-c', `cat > '${join(folder, 'docker-compose.yml')}'`], { input: stack(name) });
  await runOk('docker', ['network', 'create', `${name}_net`], { env });
  const start = performance.now();
  await runOk('docker', ['compose', '-p', name, 'up', '-d'], { env, cwd: folder, timeoutMs: 60_000 });
  return performance.now() - start;
}

async function byCaddyAlone({ shared }: Bench): Promise<number> {
  const routes = join(shared, 'routes');
  const snippets = readdirSync(routes).map((name) => readFileSync(join(routes, name), 'utf8'));
  const whole = composeCaddyfile(caddyfile, importLine, snippets);
  const start = performance.now();
  // Caddy does nothing for a configuration that it has: one site more, which is another one each time.
  await load(`${whole}\n:18444 {\n\trespond ${Math.round(start)}\n}\n`, {
    socket: join(shared, 'run/admin.sock'),
  });
  return performance.now() - start;
}

function firstAnswer({ own, compose }: Measured): Row {
  const beyondMs = median(own) - median(compose);
  return {
    what: `a new service among ${spokes}: from the commit being there to the first 200 through the hub`,
    target: 'under 1 s beyond `docker compose up -d`',
    result: `${ms(beyondMs)} beyond, ${(median(own) / median(compose)).toFixed(2)} × compose`,
    met: beyondMs < 1_000,
    raw: [series('docker compose up -d of such a stack', compose), series('from commit to 200', own)],
  };
}

function growth(few: Measured, many: Measured): Row {
  const cost = ({ plan, load }: Measured) => median(plan) + median(load);
  const ratio = cost(many) / cost(few);
  return {
    what: `plan and load of one new route, among ${10 * spokes} routes against among ${spokes}`,
    target: 'under 2 ×',
    result: `${ratio.toFixed(2)} ×`,
    met: ratio < 2,
    raw: [
      series(`${spokes} routes: plan`, few.plan),
      series(`${10 * spokes} routes: plan`, many.plan),
      series(`${spokes} routes: load, and its first answer`, few.load),
      series(`${10 * spokes} routes: load, and its first answer`, many.load),
      series(`${spokes} routes: Caddy alone, loading the same Caddyfile`, few.caddy),
      series(`${10 * spokes} routes: Caddy alone, loading the same Caddyfile`, many.caddy),
      series(`${spokes} routes: from commit to 200`, few.own),
      series(`${10 * spokes} routes: from commit to 200`, many.own),
    ],
  };
}
