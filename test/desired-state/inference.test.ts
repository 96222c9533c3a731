import { expect, test } from 'vitest';
import { looksLikeFile } from '../../desired-state/resources/directory.ts';
import type { DesiredDirectory, DesiredResource, DesiredStack, Kind } from '../../desired-state/types.ts';
import { type Files, problemsOf, smallLab, stateOf, stubReader } from './lab-folder.ts';

const web = (extra: string) => `services:\n  web:\n    image: nginx\n${extra}`;

async function find<K extends Kind>(files: Files, kind: K): Promise<Extract<DesiredResource, { kind: K }>[]> {
  const { resources } = await stateOf(files);
  return resources.filter(
    (resource): resource is Extract<DesiredResource, { kind: K }> => resource.kind === kind,
  );
}

async function directory(compose: string, service?: string, lab = smallLab): Promise<DesiredDirectory> {
  const files = {
    'lab.yaml': lab,
    'services/photo/compose.yaml': compose,
    ...(service ? { 'services/photo/service.yaml': service } : {}),
  };
  const [first] = await find(files, 'directory');
  if (!first) throw new Error('no directory was inferred');
  return first;
}

async function stack(files: Files): Promise<DesiredStack> {
  const found = (await find(files, 'compose-stack')).find(({ name }) => name === 'photo');
  if (!found) throw new Error('no stack was inferred');
  return found;
}

test('a folder with nothing but a compose file is a complete service', async () => {
  const state = await stateOf({
    'services/photo/docker-compose.yml': web(
      '    volumes: ["/tank/services/photo/data:/data"]\n    networks: [photo_net]\nnetworks: { photo_net: { external: true } }\n',
    ),
  });
  expect(state.services).toEqual(['photo']);
  expect(state.resources.map(({ id }) => id)).toEqual([
    'compose-stack:photo',
    'directory:/tank/services/photo/data',
    'docker-network:photo_net',
    'zfs-dataset:tank/services',
    'zfs-dataset:tank/services/photo',
  ]);
  expect(state.resources[0]?.needs).toEqual([
    'zfs-dataset:tank/services/photo',
    'directory:/tank/services/photo/data',
    'docker-network:photo_net',
  ]);
});

test.each([
  ['999:998', 999, 998],
  ['999', 999, 999],
  ['postgres', 999, 999],
  ['postgres:app', 999, 1000],
  ['"0"', 0, 0],
])('user %s owns the directories of its container', async (user, uid, gid) => {
  const lab = `${smallLab}owners: { postgres: 999, app: 1000 }\n`;
  const found = await directory(
    web(
      `    user: ${user.includes('"') ? user : `"${user}"`}\n    volumes: ["/tank/services/photo/data:/data"]\n`,
    ),
    undefined,
    lab,
  );
  expect([found.containerUid, found.containerGid, found.enforce.owner]).toEqual([uid, gid, true]);
});

test('a container that starts as root arranges its owner itself', async () => {
  const found = await directory(web('    volumes: ["/tank/services/photo/data:/data"]\n'));
  expect(found).toMatchObject({
    containerUid: 0,
    mode: '0750',
    enforce: { owner: false, mode: false },
    recursive: false,
  });
});

test('a shared group makes directories set-gid, and each needs the group', async () => {
  const found = await directory(
    web('    volumes: ["/tank/services/photo/data:/data"]\n'),
    undefined,
    `${smallLab}sharedGroup: labdata\n`,
  );
  expect(found).toMatchObject({
    sharedGroup: 'labdata',
    mode: '2770',
    needs: ['group:labdata', 'zfs-dataset:tank/services/photo'],
  });
});

test('service.yaml comes before what is inferred', async () => {
  const service = 'directories: [{ path: data, owner: 5, group: 6, mode: "700", recursive: true }]\n';
  const found = await directory(
    web('    user: "1"\n    volumes: ["/tank/services/photo/data:/data"]\n'),
    service,
    `${smallLab}sharedGroup: labdata\n`,
  );
  expect(found).toMatchObject({
    containerUid: 5,
    containerGid: 6,
    sharedGroup: null,
    mode: '0700',
    recursive: true,
    enforce: { owner: true, mode: true },
  });
});

test('a mode alone leaves the owner to the compose file', async () => {
  const found = await directory(
    web('    user: "1"\n    volumes: ["/tank/services/photo/data:/data"]\n'),
    'directories: [{ path: data, mode: "0700" }]\n',
  );
  expect(found).toMatchObject({ containerUid: 1, mode: '0700', enforce: { owner: true, mode: true } });
});

test('mounting the dataset itself makes its mountpoint the directory', async () => {
  expect(await directory(web('    user: "7"\n    volumes: ["/tank/services/photo/:/data"]\n'))).toMatchObject(
    { path: '/tank/services/photo', datasetMountpoint: '/tank/services/photo', containerUid: 7 },
  );
});

test('a directory belongs to the nearest dataset above it and comes after the directory around it', async () => {
  const found = await find(
    {
      'services/photo/compose.yaml': web(
        '    volumes: ["/tank/services/photo/db:/a", "/tank/services/photo/db/pg/wal:/b"]\n',
      ),
      'services/photo/service.yaml': 'dataset: { children: { db/pg: } }\n',
    },
    'directory',
  );
  expect(found.map(({ path, dataset, needs }) => ({ path, dataset, needs }))).toEqual([
    {
      path: '/tank/services/photo/db',
      dataset: 'tank/services/photo/db',
      needs: ['zfs-dataset:tank/services/photo/db'],
    },
    {
      path: '/tank/services/photo/db/pg/wal',
      dataset: 'tank/services/photo/db/pg',
      needs: ['zfs-dataset:tank/services/photo/db/pg', 'directory:/tank/services/photo/db'],
    },
  ]);
});

test('of two users of one directory the first writer wins, and the other is warned about', async () => {
  const compose =
    'services:\n  z: { image: a, user: "1", volumes: ["/tank/services/photo/d:/d"] }\n  a: { image: a, user: "2", volumes: ["/tank/services/photo/d:/d"] }\n  b: { image: a, user: "3", volumes: ["/tank/services/photo/d:/d:ro"] }\n';
  expect((await directory(compose)).containerUid).toBe(1);
  expect(await problemsOf({ 'services/photo/compose.yaml': compose })).toEqual([
    'services/photo/compose.yaml:3:39 warning: /tank/services/photo/d is written by z as 1 and by a as 2; it is given to 1 => name the owner under `directories` in service.yaml',
  ]);
});

test('a user without a known id is a problem only where something must be given to it', async () => {
  const named = (volume: string) => ({
    'services/photo/compose.yaml': web(`    user: node\n    volumes: ["${volume}:/d"]\n`),
  });
  expect(await problemsOf(named('data'))).toEqual([]);
  expect(await problemsOf(named('/tank/services/photo/d'))).toEqual([
    'services/photo/compose.yaml:4:11 error: the user id of "node" is not known, so /tank/services/photo/d cannot be given to it => add node: <uid> to owners in lab.yaml, or write the number',
  ]);
});

test.each([
  ['/x/acme.json', '/acme.json', true],
  ['/x/prod.yml', '/etc/app.yml', true],
  ['/x/my.domain.lan', '/data', false],
  ['/x/conf.d', '/etc/conf.d', false],
  ['/x/v1.2', '/data/v1.2', false],
  ['/x/.cache', '/root/.cache', false],
])('%s mounted at %s looks like a file: %s', (source, target, expected) => {
  expect(looksLikeFile({ source, target })).toBe(expected);
});

test('ZFS properties are kept as zfs prints them', async () => {
  const files = {
    'services/photo/compose.yaml': web(''),
    'services/photo/service.yaml':
      'dataset:\n  properties: { quota: 500G, compression: gzip-6, atime: off, copies: 2, "lab:note": hi }\n  children:\n    db: { properties: { recordsize: 16K, refquota: none } }\n',
  };
  const found = await find(files, 'zfs-dataset');
  expect(found.map(({ properties, mountpoint }) => ({ mountpoint, properties }))).toEqual([
    { mountpoint: '/tank/services', properties: {} },
    {
      mountpoint: '/tank/services/photo',
      properties: { quota: '536870912000', compression: 'gzip', atime: 'off', copies: '2', 'lab:note': 'hi' },
    },
    { mountpoint: '/tank/services/photo/db', properties: { recordsize: '16384', refquota: '0' } },
  ]);
  expect(found[2]?.propertyOrigins.recordsize).toEqual({
    file: 'services/photo/service.yaml',
    line: 4,
    column: 37,
  });
});

test('a network of several services is one resource, of the service that it is named after', async () => {
  const compose = web(
    '    networks: [n]\nnetworks: { n: { external: true, name: web_net }, o: { external: true, name: other }, h: { external: true, name: host }, own: {} }\n',
  );
  const lab = `${smallLab}networks: { subnets: { other: 10.99.0.0/24 } }\n`;
  const found = await find(
    { 'lab.yaml': lab, 'services/alpha/compose.yaml': compose, 'services/web/compose.yaml': compose },
    'docker-network',
  );
  expect(found.map(({ name, service, subnet }) => ({ name, service, subnet }))).toEqual([
    { name: 'other', service: 'alpha', subnet: '10.99.0.0/24' },
    { name: 'web_net', service: 'web', subnet: null },
  ]);
});

test('only containers that see files of the repository carry their digest', async () => {
  const files = (content: string) => ({
    'services/photo/compose.yaml':
      'services:\n  web: { image: a, volumes: ["./conf:/c:ro"], configs: [main] }\n  app: { build: ./app }\n  db: { image: b }\nconfigs: { main: { file: ./main.conf } }\n',
    'services/photo/conf/a': content,
    'services/photo/main.conf': 'm',
    'services/photo/app/Dockerfile': 'FROM x',
    'services/photo/app/.dockerignore': '*.log\n',
    'services/photo/app/debug.log': 'noise',
  });
  const one = await stack(files('1'));
  const two = await stack(files('2'));
  expect(one.containers.map(({ name, files: seen }) => [name, Object.keys(seen)])).toEqual([
    ['web', ['services/photo/conf/a', 'services/photo/main.conf']],
    ['app', ['services/photo/app/.dockerignore', 'services/photo/app/Dockerfile']],
    ['db', []],
  ]);
  const changed = one.containers.filter(
    (container, index) => container.filesDigest !== two.containers[index]?.filesDigest,
  );
  expect(changed.map(({ name }) => name)).toEqual(['web']);
  expect(one.override?.path).toBe('/var/lib/steward/overrides/photo.yml');
  expect(one.override?.content).toBe(
    `services:\n  web:\n    labels:\n      io.steward.files: ${one.containers[0]?.filesDigest}\n  app:\n    labels:\n      io.steward.files: ${one.containers[1]?.filesDigest}\n`,
  );
  expect(one.inputDigest).not.toBe(two.inputDigest);
});

test('fields are traced to their line, and to .env where a variable is set there', async () => {
  const { containers } = await stack({
    'services/photo/compose.yaml': `x-env: &env { SHARED: "1" }\nservices:\n  web:\n    image: a:\${VERSION}\n    environment: { <<: *env, LEVEL: debug }\n    ports: ["80:80"]\n`,
    'services/photo/.env': '# pinned\nVERSION=3\n',
    'services/photo/compose.override.yaml': 'services: { web: { environment: { LEVEL: info } } }\n',
  });
  const places = Object.entries(containers[0]?.fieldOrigins ?? {}).map(
    ([field, { file, line }]) => `${field} ${file.slice('services/photo/'.length)}:${line}`,
  );
  expect(places).toEqual([
    'image .env:2',
    'environment.SHARED compose.yaml:1',
    'environment.LEVEL compose.override.yaml:1',
    'ports.0.target compose.yaml:6',
    'ports.0.published compose.yaml:6',
    'ports.0.protocol compose.yaml:6',
    'ports.0.mode compose.yaml:6',
  ]);
});

test('a stack that mounts data of another service needs that dataset', async () => {
  const found = await stack({
    'services/photo/compose.yaml': web('    volumes: ["/tank/services/git/repos:/r:ro"]\n'),
    'services/git/compose.yaml': web(''),
  });
  expect(found.needs).toEqual(['zfs-dataset:tank/services/photo', 'zfs-dataset:tank/services/git']);
});

test('parts of later versions are told apart as not acted on', async () => {
  const state = await stateOf({
    'lab.yaml': `${smallLab}domain: lan\nhub: { service: photo, container: photo-web-1, address: 192.168.1.2 }\nbackup: { repository: /b, passphrase: { file: /etc/p } }\n`,
    'services/photo/compose.yaml': web(''),
    'services/photo/.env.age': 'x',
    'services/photo/service.yaml':
      'routes: [{ host: photo, to: "web:80" }]\nbackup: { quiesce: stop }\npolicy: {}\nsuspend: true\n',
  });
  expect(state.notActedOn.map(({ service, part }) => `${service} ${part}`)).toEqual([
    'null hub',
    'null backup',
    'photo routes',
    'photo backup',
    'photo policy',
    'photo .env.age',
  ]);
  expect(state.suspended).toEqual(['photo']);
});

test.each([
  ['.env.age', 'age-encryption.org/v1\n'],
  ['.env', 'X=ENC[AES256_GCM,data:abc,iv:d,tag:e,type:str]\nsops_version=3.9\n'],
])(
  'a variable that only an encrypted %s may set is told apart from a forgotten one',
  async (name, content) => {
    const compose = stubReader();
    const at = { file: 'services/photo/compose.yaml', line: 3, column: 12 };
    compose.resolve = ({ envFiles }) => {
      expect(envFiles).toEqual([]);
      return Promise.resolve({
        ok: false,
        problems: [
          { ...at, severity: 'error', message: 'nobody sets the variable X', fix: 'set it in .env' },
        ],
      });
    };
    const files = { 'services/photo/compose.yaml': web(''), [`services/photo/${name}`]: content };
    expect(await problemsOf(files, { compose, hostEnvDir: '/nowhere' })).toEqual([
      `services/photo/compose.yaml:3:12 error: nobody sets the variable X; ${name} is encrypted, and Steward does not read such files yet => put the value into /nowhere/photo.env on the host`,
    ]);
  },
);

test('an external network that no container joins is made all the same', async () => {
  const compose = web(
    'networks: { spare: { external: true }, computed: { external: true, name: "x_$Y" } }\n',
  );
  const reader = stubReader();
  reader.resolve = () =>
    Promise.resolve({
      ok: true,
      unresolved: [],
      project: {
        name: 'photo',
        services: { web: { image: 'nginx' } },
        networks: {},
        volumes: {},
        configs: {},
        secrets: {},
      },
    });
  const { resources } = await stateOf({ 'services/photo/compose.yaml': compose }, { compose: reader });
  expect(resources.filter(({ kind }) => kind === 'docker-network').map(({ name }) => name)).toEqual([
    'spare',
  ]);
});

test('a named volume that is a bind mount in disguise is a directory too', async () => {
  const compose = `${web('    user: "5"\n    volumes: ["disk:/data"]\n')}volumes: { disk: { driver_opts: { type: none, o: bind, device: "/tank/services/photo/disk" } } }\n`;
  expect(await directory(compose)).toMatchObject({ path: '/tank/services/photo/disk', containerUid: 5 });
});
