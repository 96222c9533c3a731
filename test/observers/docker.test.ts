import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { observeContainers, observeDocker } from '../../observers/docker.ts';
import { parseContainer, parseExitCode, parseHealth, parseUsernsBase } from '../../observers/docker-parse.ts';
import { type Answer, fakeDockerApi } from '../support/fake-docker-api.ts';

function fixture(name: string) {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, 'fixtures', name), 'utf8'));
}

const images = [
  {
    ...{ Id: 'sha256:1', RepoTags: ['postgres:16', 'db:1'], Size: 7 },
    RepoDigests: ['postgres@sha256:aa', 'registry.lan:5000/db@sha256:aa'],
  },
  { Id: 'sha256:2', RepoTags: null, RepoDigests: ['<none>@<none>'] },
];

const real: Answer = (call) => {
  if (call.startsWith('GET /containers/json')) return { body: fixture('containers.json') };
  if (call.startsWith('GET /images')) return { body: images };
  if (call.startsWith('GET /networks')) return { body: fixture('networks.json') };
  return { body: fixture('info.json') };
};

describe('containers', () => {
  const containers = fixture('containers.json').map(parseContainer);
  const byName = Object.fromEntries(containers.map((one: { name: string }) => [one.name, one]));

  it.each([
    ['photo-ok-1', 'running', 'healthy', null],
    ['photo-bad-1', 'running', 'unhealthy', null],
    ['photo-starting-1', 'running', 'starting', null],
    ['photo-once-1', 'exited', 'none', 0],
    ['photo-fail-1', 'exited', 'none', 1],
    ['photo-loop-1', 'restarting', 'none', null],
    ['photo-frozen-1', 'paused', 'none', null],
    ['lonely', 'created', 'none', null],
  ])('%s is %s, health %s, exit code %s', (name, state, health, exitCode) => {
    expect(byName[name]).toMatchObject({ state, health, exitCode });
  });

  it('inside the network of another say of which', () => {
    const [first] = fixture('containers.json');
    const mode = (NetworkMode: string) => parseContainer({ ...first, HostConfig: { NetworkMode } });
    expect(mode('container:4f1d')).toMatchObject({ sharesNetworkOf: '4f1d' });
    expect(mode('photo_net')).not.toHaveProperty('sharesNetworkOf');
  });

  it('carry what compose and we wrote on them', () => {
    expect(byName['photo-ok-1']).toMatchObject({
      project: 'photo',
      service: 'ok',
      configHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      filesDigest: 'abc',
      image: 'bb:1',
      imageId: expect.stringMatching(/^sha256:/),
      oneOff: false,
      justStarted: false,
      dependsOn: {},
      networks: { photo_net: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(byName.lonely).toMatchObject({
      project: null,
      service: null,
      configHash: null,
      filesDigest: null,
    });
  });

  it('of `compose run` are told apart', () => {
    expect(containers.filter((one: { oneOff: boolean }) => one.oneOff)).toHaveLength(1);
  });

  it('have their own name, not that of a link to them', () => {
    const linked = { ...fixture('containers.json')[0], Names: ['/web/db', '/db'] };
    expect(parseContainer(linked).name).toBe('db');
  });
});

it.each([
  ['Up 2 minutes', 'none', null],
  ['Up 2 minutes (healthy)', 'healthy', null],
  ['Up 2 minutes (unhealthy)', 'unhealthy', null],
  ['Up 1 second (health: starting)', 'starting', null],
  ['Exited (137) 3 days ago', 'none', 137],
  ['Dead', 'none', null],
  ['', 'none', null],
])('the status %j means health %s and exit code %s', (status, health, exitCode) => {
  expect(parseHealth(status)).toBe(health);
  expect(parseExitCode(status)).toBe(exitCode);
});

describe('the base of user namespaces', () => {
  it('is 0 without userns-remap', () => {
    expect(parseUsernsBase(fixture('info.json'))).toEqual({ uid: 0, gid: 0 });
  });

  it('is where the daemon keeps its data under userns-remap', () => {
    expect(parseUsernsBase(fixture('info-userns.json'))).toEqual({ uid: 100000, gid: 100000 });
  });

  it('is never guessed', () => {
    const info = { SecurityOptions: ['name=userns'], DockerRootDir: '/var/lib/docker' };
    expect(() => parseUsernsBase(info)).toThrow('does not end in UID.GID');
    expect(() => parseUsernsBase({ SecurityOptions: ['name=rootless'] })).toThrow('not supported');
  });
});

describe('what a container can write to', () => {
  const image = {
    Id: 'c1',
    Names: ['/tool'],
    Image: 'a',
    ImageID: 'b',
    State: 'running',
    Status: 'Up 1 hour',
  };
  const bind = (Source: string, RW = true) => ({ Type: 'bind', Source, Destination: '/x', Mode: '', RW });
  const volume = (Name: string, over = {}) => ({
    ...{ Type: 'volume', Name, Source: `/var/lib/docker/volumes/${Name}/_data`, Destination: '/v' },
    ...{ Driver: 'local', Mode: 'z', RW: true, ...over },
  });
  const films = { type: 'none', o: 'bind', device: '/tank/films' };
  const volumes = {
    Volumes: [
      { Name: 'plain', Driver: 'local', Options: null },
      { Name: 'films', Driver: 'local', Options: films },
      { Name: 'share', Driver: 'local', Options: { type: 'nfs', o: 'addr=nas', device: ':/films' } },
    ],
    Warnings: null,
  };

  async function look(container: object, answers: { removes?: boolean; gone?: boolean } = {}) {
    const { removes = false, gone = false } = answers;
    await using api = await fakeDockerApi((call) => {
      if (call.startsWith('GET /containers/json')) return { body: [{ ...image, ...container }] };
      if (call.startsWith('GET /volumes')) return { body: volumes };
      if (gone) return { status: 404, body: { message: 'no such container' } };
      return { body: { Id: 'c1', HostConfig: { AutoRemove: removes } } };
    });
    const observed = await observeContainers({ socketPath: api.socketPath });
    if (!observed.known) throw new Error(observed.error);
    return { containers: observed.value, calls: api.calls };
  }
  const compose = (more = {}) => ({ 'com.docker.compose.project': 'media', ...more });

  it('is what is mounted, and not read-only', async () => {
    const Mounts = [
      bind('/tank/photo'),
      bind('/tank/music', false),
      { Type: 'tmpfs', Destination: '/t', RW: true },
    ];
    const { containers, calls } = await look({ Mounts, Labels: compose() });
    expect(containers).toMatchObject([{ writes: ['/tank/photo'], autoRemove: false }]);
    expect(calls).toHaveLength(1);
  });

  it('is the folder that a volume stands for; other volumes lie with Docker', async () => {
    const { containers, calls } = await look({
      Labels: compose(),
      Mounts: [volume('films'), volume('plain'), volume('share'), volume('a'.repeat(64), { Source: '' })],
    });
    expect(containers[0]?.writes).toEqual([
      '/tank/films',
      '/var/lib/docker/volumes/plain/_data',
      '/var/lib/docker/volumes/share/_data',
    ]);
    expect(calls[1]).toBe('GET /volumes?filters={"driver":["local"]}');
  });

  it.each(['/tank/films/', '/tank//films', '/tank/./films//', '/tank/old/../films'])(
    'is the folder itself, whichever way the volume has it: %s',
    async (device) => {
      films.device = device;
      const { containers } = await look({ Labels: compose(), Mounts: [volume('films')] });
      expect(containers[0]?.writes).toEqual(['/tank/films']);
    },
  );

  it.each([
    ['runs and would be removed by a stop', { State: 'running' }, true, 2],
    ['is paused', { State: 'paused' }, true, 2],
    ['does not run', { State: 'exited', Status: 'Exited (0) 1 hour ago' }, false, 1],
    ['compose has made', { Labels: compose() }, false, 1],
    ['only reads', { Mounts: [bind('/tank/photo', false)] }, false, 1],
  ])('whether a stop removes it is asked of one by hand that %s', async (_what, over, autoRemove, calls) => {
    const found = await look({ Mounts: [bind('/tank/photo')], ...over }, { removes: true });
    expect(found.containers).toMatchObject([{ autoRemove }]);
    expect(found.calls).toHaveLength(calls);
  });

  it('one that is gone by then is gone', async () => {
    expect((await look({ Mounts: [bind('/tank/photo')] }, { gone: true })).containers).toEqual([]);
  });
});

describe('the daemon', () => {
  it('is asked four times, whatever the number of containers', async () => {
    await using api = await fakeDockerApi(real);
    const observed = await observeDocker({ socketPath: api.socketPath });
    expect(api.calls.sort()).toEqual([
      ...['GET /containers/json?all=true', 'GET /images/json', 'GET /info', 'GET /networks'],
    ]);
    expect(observed).toMatchObject({
      known: true,
      value: { serverVersion: '20.10.24+dfsg1', usernsBase: { uid: 0, gid: 0 } },
    });
    if (!observed.known) throw new Error(observed.error);
    const { containers, networks, images: found } = observed.value;
    expect(found).toEqual([
      {
        ...{ id: 'sha256:1', tags: ['db:1', 'postgres:16'] },
        digests: ['postgres@sha256:aa', 'registry.lan:5000/db@sha256:aa'],
      },
      { id: 'sha256:2', tags: [], digests: [] },
    ]);
    expect(containers).toHaveLength(fixture('containers.json').length);
    expect(networks).toContainEqual(
      expect.objectContaining({ name: 'photo_net', subnets: ['10.88.0.0/26'] }),
    );
  });

  it('is found through DOCKER_HOST', async () => {
    await using api = await fakeDockerApi(real);
    vi.stubEnv('DOCKER_HOST', `unix://${api.socketPath}`);
    const observed = await observeDocker({});
    vi.unstubAllEnvs();
    expect(observed.known).toBe(true);
  });

  it('is unknown when there is no socket', async () => {
    expect(await observeDocker({ socketPath: '/nowhere/docker.sock' })).toEqual({
      known: false,
      error: 'Docker is not running: there is no socket',
    });
  });

  it('is unknown when DOCKER_HOST is another machine: its containers are not those of this host', async () => {
    vi.stubEnv('DOCKER_HOST', 'ssh://root@nas');
    const observed = await observeDocker({});
    vi.unstubAllEnvs();
    expect(observed).toMatchObject({ known: false, error: expect.stringContaining('ssh://root@nas') });
  });

  it('is unknown when it hangs', async () => {
    await using api = await fakeDockerApi((call) => (call.startsWith('GET /info') ? null : real(call)));
    const observed = await observeDocker({ socketPath: api.socketPath, timeoutMs: 200 });
    expect(observed).toEqual({ known: false, error: 'Docker did not answer in time' });
  });

  it('is unknown when one call fails, and says what Docker said', async () => {
    const failing: Answer = (call) =>
      call.startsWith('GET /networks') ? { status: 500, body: { message: 'database\nlocked' } } : real(call);
    await using api = await fakeDockerApi(failing);
    const observed = await observeDocker({ socketPath: api.socketPath });
    expect(observed).toEqual({ known: false, error: 'Docker says: database locked' });
  });

  it('is unknown when something else answers in its place', async () => {
    await using api = await fakeDockerApi(() => ({ body: { hello: 'world' } }));
    const observed = await observeDocker({ socketPath: api.socketPath });
    expect(observed).toEqual({ known: false, error: 'Docker cannot be reached: its answer is not a list' });
  });
});
