import { describe, expect, it } from 'vitest';
import { type Isolation, isolated, type Model } from '../../../reconciler/proof/isolated.ts';

const isolation: Isolation = {
  project: 'steward-drill-photo',
  from: '/datapool/services/photo',
  to: '/run/steward/drill/photo',
  directory: '/var/lib/steward/checkout/services/photo',
};

const data = { type: 'bind', source: '/datapool/services/photo/data', target: '/data' };

function stack(server: Record<string, unknown>, more: Partial<Model> = {}): Model {
  return { name: 'photo', services: { server: { image: 'photo:1', ...server } }, ...more };
}

function apart(server: Record<string, unknown>, more: Partial<Model> = {}): Record<string, unknown> {
  const found = isolated(stack(server, more), isolation);
  if ('refused' in found) throw new Error(found.refused);
  return found.model.services.server as Record<string, unknown>;
}

describe('a stack on restored data', () => {
  it('sees the restored data in the place of its own, and its own files to be read alone', () => {
    const conf = { type: 'bind', source: `${isolation.directory}/app.conf`, target: '/etc/app.conf' };
    const { volumes } = apart({
      volumes: [data, { ...data, source: isolation.from, read_only: true }, conf],
    });
    expect(volumes).toEqual([
      { ...data, source: '/run/steward/drill/photo/data', read_only: undefined },
      { ...data, source: '/run/steward/drill/photo', read_only: true },
      { ...conf, read_only: true },
    ]);
  });

  it('has volumes of its own in the place of named ones', () => {
    const cache = { type: 'volume', source: 'cache', target: '/cache' };
    expect(apart({ volumes: [cache] }, { volumes: { cache: {} } }).volumes).toEqual([
      { type: 'volume', target: '/cache' },
    ]);
  });

  it('reaches nothing and is reached by nobody, under all names that it has beside the live one', () => {
    const found = isolated(
      stack(
        {
          container_name: 'photo-server',
          ports: [{ target: 80, published: '80' }],
          networks: { photo_net: { aliases: ['web'] } },
          labels: { traefik: 'yes' },
          restart: 'always',
        },
        { networks: { photo_net: { external: true } }, volumes: { cache: {} } },
      ),
      isolation,
    );
    expect(found).toEqual({
      model: {
        name: 'steward-drill-photo',
        networks: { drill: { internal: true } },
        services: {
          server: {
            ...{ image: 'photo:1', volumes: [], networks: { drill: { aliases: ['photo-server', 'web'] } } },
            ...{ restart: 'no', pull_policy: 'never' },
          },
        },
      },
    });
  });

  it('keeps what says how it runs, and its secrets, which are not called like the live ones', () => {
    const server = {
      environment: { PASSWORD: 'words' },
      user: '999',
      healthcheck: { test: ['CMD', 'true'] },
      depends_on: { db: {} },
      secrets: [{ source: 's' }],
    };
    expect(apart(server)).toMatchObject(server);
    const found = isolated(stack({}, { secrets: { s: { name: 'photo_s', file: '/f' } } }), isolation);
    expect('model' in found && found.model.secrets).toEqual({ s: { file: '/f' } });
  });

  it('takes the image that was built for the live one', () => {
    expect(apart({ image: undefined, build: { context: '.' } })).toMatchObject({ image: 'photo-server' });
  });
});

it.each([
  ['privileged', { privileged: true }],
  ['cap_add', { cap_add: ['NET_ADMIN'] }],
  ['devices', { devices: ['/dev/dri:/dev/dri'] }],
  ['network_mode', { network_mode: 'host' }],
  ['pid', { pid: 'host' }],
  ['/var/run/docker.sock', { volumes: [{ type: 'bind', source: '/var/run/docker.sock', target: '/s' }] }],
  ['/datapool/services/git', { volumes: [{ type: 'bind', source: '/datapool/services/git', target: '/g' }] }],
  [
    '/datapool/services/photos',
    { volumes: [{ type: 'bind', source: '/datapool/services/photos', target: '/g' }] },
  ],
])('one with %s is not started at all', (what, server) => {
  const found = isolated(stack(server), isolation);
  expect('refused' in found && found.refused).toContain(
    `server ${what.startsWith('/') ? 'mounts' : 'has'} ${what}`,
  );
});

it.each([[false], [[]], [{}], [null], ['']])('what is not set (%j) is no reason', (nothing) => {
  expect(apart({ privileged: nothing, devices: nothing, network_mode: nothing })).toMatchObject({
    image: 'photo:1',
  });
});
