import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Lab, labYaml, newLab } from './lab.ts';
import { start, steward } from './steward.ts';

const hub = `services:
  caddy:
    image: caddy:1
    container_name: hub
    restart: unless-stopped
    networks: [hub_net]
    volumes:
      - ./Caddyfile:/etc/caddy/Caddyfile:ro
      - /datapool/services/hub/routes:/etc/caddy/routes:ro
      - /datapool/services/hub/run:/run/caddy
networks:
  hub_net: { external: true }
`;
const files = {
  'lab.yaml': `${labYaml}domain: homelab.lan\nhub: { service: hub, container: hub, address: 192.168.1.100 }\n`,
  'services/hub/docker-compose.yml': hub,
  'services/hub/Caddyfile': '{\n\tadmin unix//run/caddy/admin.sock\n}\nimport /etc/caddy/routes/*.caddy\n',
  'services/blog/service.yaml':
    'version: 1\nroutes:\n  - { host: blog, to: "blog:80" }\n  - { host: old, path: /feed, tls: off, to: "blog:80" }\n',
};

let lab: Lab;
beforeAll(async () => {
  lab = await newLab();
  await lab.commit('Routes', files);
  expect((await steward(['reconcile', '--once', ...lab.flags])).stderr).toBe('');
});
afterAll(() => lab.remove());

it('status tells how each route has answered', async () => {
  const { stdout, code } = await steward(['status', ...lab.kept]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /\nhttp:\/\/old\.homelab\.lan\/feed +answers 200 in \d+ ms · asked (just now|\d+ s ago)\n/,
  );
  expect(stdout).toMatch(
    /\nhttps:\/\/blog\.homelab\.lan +answers 200 in \d+ ms · asked (just now|\d+ s ago)\n/,
  );
});

it('a run by a timer asks each of them again at its end, also where it has nothing to do', async () => {
  const asked = async () => {
    const { stdout } = await steward(['status', '--output', 'json', '--state-dir', lab.stateDir]);
    const { routes } = JSON.parse(stdout) as { routes: { askedAt: number }[] };
    return Math.min(...routes.map(({ askedAt }) => askedAt));
  };
  const before = await asked();
  expect((await steward(['reconcile', '--once', ...lab.flags])).stderr).toBe('');
  expect(await asked()).toBeGreaterThan(before);
});

it('the daemon asks again beside its cycles, and what Git does not declare any more is not told any more', async () => {
  const child = start(['reconcile', ...lab.flags, '--interval', '1s', '--listen', '127.0.0.1:0'], {
    buffer: false,
  });
  try {
    const address = await listening(child);
    const read = async (page: string) => (await fetch(`${address}/${page}`)).text();
    const up = 'steward_route_up{service="blog",url="https://blog.homelab.lan"} 1\n';
    await vi.waitFor(async () => expect(await read('metrics')).toContain(up), patience);
    expect(JSON.parse(await read('status')).routes).toHaveLength(2);
    await lab.commit('Not any more', { 'services/blog/service.yaml': null });
    await vi.waitFor(async () => expect(JSON.parse(await read('status')).routes).toEqual([]), patience);
    await vi.waitFor(async () => expect(await read('metrics')).not.toContain('steward_route_up{'), patience);
  } finally {
    child.kill('SIGTERM');
    expect((await child).exitCode).toBe(0);
  }
});

const patience = { timeout: 20_000, interval: 200 };

/** The address in the first line of its log. */
async function listening({ stderr }: ReturnType<typeof start>): Promise<string> {
  if (stderr === null) throw new Error('the daemon has no log');
  const [line] = (await once(createInterface({ input: stderr }), 'line')) as [string];
  return (JSON.parse(line) as { address: string }).address;
}
