import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Homelab, startHomelab } from './support/homelab.ts';
import { answer, ask, centralHub, hubLabYaml, site, socket } from './support/hub-lab.ts';

/** A real Caddy in front of real services, each on a network of its own. */
let lab: Homelab;

beforeAll(async () => {
  lab = await startHomelab();
  await lab.push({ 'lab.yaml': hubLabYaml, ...centralHub, ...site('photo'), ...site('git', '') });
  await lab.converge();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function networksOf(name: string): Promise<string[]> {
  const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}';
  const names = await lab.run(`docker inspect -f '${format}' ${name}`);
  return names.trim().split(' ').sort();
}

async function expectNothingToDo(): Promise<void> {
  const { plan, exitCode } = await lab.plan();
  expect([plan.changes, plan.blocked]).toEqual([[], []]);
  expect(exitCode).toBe(0);
}

describe('one push', () => {
  test('and a service answers by its name over TLS', async () => {
    expect(await answer(lab, 'photo')).toBe('this is photo');
    await expectNothingToDo();
  });

  test('the hub is on the networks of services with routes alone, and no compose file says so', async () => {
    expect(await networksOf('central_hub')).toEqual(['central_hub_net', 'photo_net']);
  });

  test('a spoke reaches no other, neither by name nor by address', async () => {
    const address = await lab.run(
      'docker inspect -f \'{{(index .NetworkSettings.Networks "photo_net").IPAddress}}\' photo-web',
    );
    const from = (name: string, target: string) =>
      lab.run(`docker exec ${name} wget -q -T 5 -O - http://${target}:8080 || echo none`);
    // What is asked with works, and what is asked for answers: else nothing would be reached, walls or not.
    expect(await from('git-web', 'git-web')).toBe('this is git');
    for (const target of ['photo-web', address.trim()]) {
      expect(await from('photo-web', target)).toBe('this is photo');
      expect(await from('git-web', target)).toBe('none');
    }
  });
});

test('a route comes while requests are under way, and not one of them is lost', async () => {
  const log = '/tmp/requests';
  const url = ask('photo').replace('curl -sS', "curl -sS -o /dev/null -w '%{http_code}\\n'");
  const loop = `while [ ! -e ${log}.stop ]; do ${url} >> ${log} 2>&1; done`;
  await lab.run(`rm -f ${log}*; for i in 1 2 3; do (${loop}) > /dev/null 2>&1 < /dev/null & done`);
  await lab.run(`(${ask('photo', '/cgi-bin/slow')} > ${log}.slow 2>&1) < /dev/null > /dev/null 2>&1 &`);
  await lab.push({ 'services/git/service.yaml': site('git')['services/git/service.yaml'] ?? null });
  await lab.converge();
  expect(await answer(lab, 'git')).toBe('this is git');
  await lab.run(`touch ${log}.stop; sleep 6`);
  const codes = (await lab.run(`sort ${log} | uniq -c`)).trim();
  expect(codes).toMatch(/^\d+ 200$/);
  expect(Number.parseInt(codes, 10)).toBeGreaterThan(10);
  expect(await lab.run(`cat ${log}.slow`)).toBe('slow photo');
});

describe('walls that a hand has opened', () => {
  test('are closed: a spoke leaves the network of another as it runs', async () => {
    const before = (await lab.containers())['git-web'];
    await lab.run('docker network connect photo_net git-web');
    const { plan } = await lab.plan();
    expect(plan.changes).toMatchObject([
      { id: 'compose-stack:git', steps: [{ op: 'network-disconnect', network: 'photo_net' }] },
    ]);
    await lab.converge();
    expect(await networksOf('git-web')).toEqual(['git_net']);
    expect((await lab.containers())['git-web']).toEqual(before);
    await expectNothingToDo();
  });

  test('are told where they are not ours: a container that Git does not know', async () => {
    await lab.run('docker run -d --name stranger --network photo_net -p 8099:80 lab/busybox:1 sleep 600');
    await lab.converge();
    const status = await lab.run('steward status');
    expect(status).toContain('! stranger is reached from outside at port 8099/tcp, and Git does not know it');
    expect(status).toContain('! stranger is on photo_net, and Git does not know it');
    expect(await lab.run("docker inspect -f '{{.State.Running}}' stranger")).toBe('true');
    await lab.run('docker rm -f stranger');
  });
});

describe('the hub', () => {
  test.each([
    ['killed', 'docker kill central_hub'],
    ['removed', 'docker rm -f central_hub'],
    ['taken off a network', 'docker network disconnect photo_net central_hub'],
    [
      'told something else',
      `printf '{\\n\\tadmin unix//run/caddy/admin.sock\\n}\\nhttp://x.lan {\\n}\\n' | curl -sS --unix-socket ${socket} -H 'Host;' -H 'Content-Type: text/caddyfile' --data-binary @- http://caddy/load`,
    ],
  ])('that was %s is repaired', async (_name, hand) => {
    await lab.run(hand);
    await lab.converge();
    expect([await answer(lab, 'photo'), await answer(lab, 'git')]).toEqual(['this is photo', 'this is git']);
    await expectNothingToDo();
  });

  test('that is restarted knows its routes by itself', async () => {
    await lab.run('docker restart central_hub');
    await lab.run(`until ${ask('photo')} > /dev/null 2>&1; do sleep 0.2; done`);
    expect(await answer(lab, 'git')).toBe('this is git');
    await expectNothingToDo();
  });

  test('has its own Caddyfile loaded, and is not made anew for it', async () => {
    const before = (await lab.containers()).central_hub;
    const own = `${centralHub['services/central_hub/Caddyfile']}hello.homelab.lan {\n\ttls internal\n\trespond "hello"\n}\n`;
    await lab.push({ 'services/central_hub/Caddyfile': own });
    await lab.converge();
    expect(await answer(lab, 'hello')).toBe('hello');
    expect((await lab.containers()).central_hub?.id).toBe(before?.id);
    await expectNothingToDo();
  });
});

describe('a route', () => {
  const to = (port: number) => site('photo', `  - { host: photo, to: "photo-web:${port}" }\n`);

  test('whose service does not listen there is not done, and says so until it does', async () => {
    await lab.push(to(9999));
    const { exitCode, cycle } = await lab.reconcile();
    expect(exitCode).toBe(1);
    expect(cycle.outcomes).toMatchObject([
      {
        id: 'caddy-route:photo',
        result: 'failed',
        error:
          'https://photo.homelab.lan does not answer within 30 s: the hub answers 502: it does not reach the service',
      },
    ]);
    expect((await lab.plan()).plan.changes).toMatchObject([
      { id: 'caddy-route:photo', reasons: [{ field: 'answers' }] },
    ]);
    expect(await lab.run('steward status || true')).toMatch(
      /\nhttps:\/\/photo\.homelab\.lan +the hub answers 502/,
    );
    await lab.push(to(8080));
    await lab.converge();
    expect(await lab.run('steward status')).toMatch(
      /\nhttps:\/\/photo\.homelab\.lan +answers 200 in .* certificate ends in/,
    );
    await expectNothingToDo();
  });

  test('is trusted by whoever trusts the root that `steward ca` prints', async () => {
    await lab.run('steward ca > /tmp/ca.pem 2> /tmp/ca.said');
    expect(await lab.run('cat /tmp/ca.said')).toContain('SHA-256');
    const trusting = ask('photo').replace(/--cacert \S+/, '--cacert /tmp/ca.pem');
    expect(await lab.run(trusting)).toBe('this is photo');
  });
});

test('a route that Caddy refuses keeps its service as it was, and the others come', async () => {
  const bad = site('photo', '  - { host: photo, to: "photo-web:8080", caddy: "encode nonsense" }\n');
  await lab.push({ ...bad, ...site('wiki') });
  const { exitCode, cycle } = await lab.reconcile();
  expect(exitCode).not.toBe(0);
  const [blocked] = cycle.blocked;
  expect(blocked).toMatchObject({ id: 'caddy-route:photo', state: 'refused' });
  expect(blocked?.reasons[0]?.note).toMatch(/^Caddy refuses it: .*photo\.caddy:\d+.*nonsense/);
  expect([await answer(lab, 'photo'), await answer(lab, 'wiki')]).toEqual(['this is photo', 'this is wiki']);
  await lab.push(site('photo'));
  await lab.converge();
});

test('sixty routes come with one push, and each of them answers by its name', async () => {
  const hosts = Array.from({ length: 60 }, (_, index) => `many${index}`);
  const routes = hosts.map((host) => `  - { host: ${host}, to: "git-web:8080" }\n`).join('');
  await lab.push(site('git', routes));
  await lab.converge();
  const { routes: seen = [] } = (await lab.status()).status;
  const many = seen.filter(({ url }) => /^https:\/\/many\d+\.homelab\.lan$/.test(url));
  expect(many.map(({ status }) => status)).toEqual(hosts.map(() => 200));
  for (const host of ['many0', 'many59']) expect(await answer(lab, host)).toBe('this is git');
  await expectNothingToDo();
  await lab.push(site('git'));
  await lab.converge();
  expect((await lab.status()).status.routes?.filter(({ service }) => service === 'git')).toHaveLength(1);
});

test('routes that leave Git leave the hub, and so does the hub their network', async () => {
  await lab.push({ 'services/wiki': null, ...site('photo', '') });
  await lab.converge();
  expect(await networksOf('central_hub')).toEqual(['central_hub_net', 'git_net']);
  expect(await answer(lab, 'photo')).not.toContain('this is photo');
  expect(await lab.run('ls /datapool/services/central_hub/routes')).toBe('git.caddy');
  expect(await lab.run('docker network ls -q -f name=wiki_net')).toBe('');
  await expectNothingToDo();
});
