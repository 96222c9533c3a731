import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  archivesOf,
  backupLabYaml,
  history,
  leftBehind,
  nextTick,
  nightly,
  type RunJson,
  startBackupLab,
} from './support/backup-lab.ts';
import type { Homelab } from './support/homelab.ts';
import { composeFile, type Files, idle } from './support/lab-files.ts';

/** Services that do not do as they are told, several that are due at once, and a clock that goes wrong. */
let lab: Homelab;

const data = (name: string) =>
  `    user: "1000:1000"\n    volumes: ["/datapool/services/${name}/data:/data"]\n`;

/** Takes no notice of SIGTERM. */
const stubborn: Files = {
  'services/stubborn/docker-compose.yml': composeFile([
    `  stubborn:
    image: lab/busybox:1
    container_name: stubborn
    command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
    stop_grace_period: 3s
    restart: unless-stopped
${data('stubborn')}`,
  ]),
};

/** Well for as long as there is no file named ill, and one that waits until it is. */
const ill: Files = {
  'services/ill/docker-compose.yml': composeFile([
    idle('ill-store', {
      more: `${data('ill')}    healthcheck: { test: ["CMD", "test", "!", "-e", "/data/ill"], interval: 60s, start_period: 60s, start_interval: 1s }\n`,
    }),
    idle('ill-page', { more: '    depends_on: { ill-store: { condition: service_healthy } }\n' }),
  ]),
  'services/ill/service.yaml': 'version: 1\ndeploy: { healthTimeout: 30s }\n',
};

/** Docker as it is, but for one container that it will not stop, as where AppArmor forbids it. */
const refusing = `import http from 'node:http';
const socketPath = '/var/run/docker.sock';
const stop = '/containers/' + process.argv[2] + '/stop';
http.createServer((request, response) => {
  if (request.url.includes(stop)) {
    response.writeHead(500, { 'content-type': 'application/json' });
    return response.end(JSON.stringify({ message: 'permission denied' }));
  }
  const { method, url: path, headers } = request;
  const passed = http.request({ socketPath, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  request.pipe(passed);
}).listen('/root/refusing.sock');
`;

beforeAll(async () => {
  lab = await startBackupLab({ ...nightly('alpha'), ...nightly('beta'), ...stubborn, ...ill });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const nothing = { snapshots: [], mounts: '0', processes: '0', undo: '0' };

async function statuses(): Promise<Record<string, string>> {
  const containers = await lab.containers();
  return Object.fromEntries(Object.entries(containers).map(([name, { status }]) => [name, status]));
}

describe('two services due at once', () => {
  const run = async () => {
    await lab.converge();
    const [first, second] = (await history(lab)).slice(-2) as [RunJson, RunJson];
    expect([first.service, second.service].sort()).toEqual(['alpha', 'beta']);
    for (const { result, error, notes } of [first, second])
      expect({ result, error, notes }).toEqual({ result: 'done', error: null, notes: [] });
    return [first, second].sort((a, b) => a.at - b.at) as [RunJson, RunJson];
  };

  test('with concurrency 1 go one after the other', async () => {
    const tick = await nextTick(lab);
    const [first, second] = await run();
    expect(second.at).toBeGreaterThanOrEqual(first.at + first.durationMs);
    expect(await archivesOf(lab, 'alpha')).toEqual([`alpha-${tick}`]);
    expect(await archivesOf(lab, 'beta')).toEqual([`beta-${tick}`]);
  });

  test('with concurrency 2 go side by side, and do not quarrel about locks', async () => {
    await lab.push({ 'lab.yaml': `${backupLabYaml}  concurrency: 2\n` });
    await lab.converge();
    const tick = await nextTick(lab);
    const [first, second] = await run();
    expect(second.at).toBeLessThan(first.at + first.durationMs);
    expect((await archivesOf(lab, 'alpha')).at(-1)).toBe(`alpha-${tick}`);
    expect((await archivesOf(lab, 'beta')).at(-1)).toBe(`beta-${tick}`);
    expect(await leftBehind(lab)).toEqual(nothing);
  });
});

describe('a clock that is set back by a day', () => {
  test('makes no second archive of a tick, prunes none, and loses none', async () => {
    const retention = { 'lab.yaml': backupLabYaml.replace('daily: 7', 'daily: 1') };
    const before = await archivesOf(lab, 'alpha');
    await lab.run("date -s '-1 day'");
    await lab.push(retention);
    const { outcomes } = await lab.converge();
    expect(outcomes).toEqual([]);
    expect(await archivesOf(lab, 'alpha')).toEqual(before);
    // By hand there is one more: it takes the place of none, and what is newer than it by its name stays too.
    expect((await lab.steward('backup run alpha')).exitCode).toBe(0);
    const [older, newest] = before as [string, string];
    const made = (await history(lab, 'alpha')).at(-1)?.archive ?? '';
    expect(made > older && made < newest).toBe(true);
    expect([...(await archivesOf(lab, 'alpha'))].sort()).toEqual([older, made, newest]);
    await lab.run("date -s '+1 day'");
    expect((await lab.plan()).plan.changes).toEqual([]);
    const tick = await nextTick(lab);
    await lab.converge();
    expect(await archivesOf(lab, 'alpha')).toContain(`alpha-${tick}`);
  });
});

describe('a container', () => {
  test('that does not stop within its grace is killed, the backup goes on, and it is said', async () => {
    const { exitCode, stderr } = await lab.steward('backup run stubborn');
    const sentence = 'container stubborn did not stop within its stop_grace_period and was killed';
    expect(stderr).toContain(sentence);
    expect(exitCode).toBe(0);
    expect((await history(lab, 'stubborn')).at(-1)).toMatchObject({ result: 'done', notes: [sentence] });
    expect(await statuses()).toMatchObject({ stubborn: 'running' });
  });

  test('that Docker cannot stop ends the backup: no archive, and the service as before', async () => {
    await lab.vm.writeFile('/root/refusing.mjs', refusing);
    const { exitCode, stderr } = await lab.vm.exec(
      `node /root/refusing.mjs "$(docker inspect -f '{{.Id}}' ill-store)" & proxy=$!
         until [ -S /root/refusing.sock ]; do kill -0 $proxy || exit 9; sleep 0.1; done
         DOCKER_HOST=unix:///root/refusing.sock steward backup run ill; code=$?; kill $proxy; exit $code`,
      { allowFailure: true, timeoutMs: 10 * 60_000 },
    );
    expect(stderr).toContain('container ill-store was not stopped: Docker says: permission denied');
    expect(exitCode).toBe(1);
    expect(await archivesOf(lab, 'ill')).toEqual([]);
    expect(await statuses()).toMatchObject({ 'ill-store': 'running', 'ill-page': 'running' });
    // It may end yet, for all that Docker says: nobody is done with it before it has ended once and was started.
    expect(await leftBehind(lab)).toEqual({ ...nothing, undo: '1' });
    await lab.reconcile();
    expect(await statuses()).toMatchObject({ 'ill-store': 'running', 'ill-page': 'running' });
    expect(await leftBehind(lab)).toEqual(nothing);
  });

  test('that is not healthy again is told, those that wait for it run, and there is an archive', async () => {
    await lab.run('touch /datapool/services/ill/data/ill');
    const { exitCode, stderr } = await lab.steward('backup run ill');
    expect(stderr).toMatch(/container ill-store was started and is \w+ after 30 s/);
    expect(exitCode).toBe(1);
    const [archive] = await archivesOf(lab, 'ill');
    expect((await history(lab, 'ill')).at(-1)).toMatchObject({ result: 'failed', archive });
    expect(archive).toBeDefined();
    expect(await statuses()).toMatchObject({ 'ill-store': 'running', 'ill-page': 'running' });
    expect(await leftBehind(lab)).toEqual(nothing);
    await lab.reconcile();
    expect((await lab.steward('status')).stdout).toMatch(/ill-store was started and is/);
  });
});
