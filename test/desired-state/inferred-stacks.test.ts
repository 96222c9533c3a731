import { expect, test } from 'vitest';
import { directory, find, stack, web } from './inferred.ts';
import { problemsOf, smallLab, stateOf, stubReader } from './lab-folder.ts';

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
    'lab.yaml': `${smallLab}domain: lan\nhub: { service: photo, container: photo-web-1, address: 192.168.1.2 }\nbackup: { repository: /b, passphrase: { file: /etc/p }, drill: { schedule: "0 5 * * 0", start: true } }\n`,
    'services/photo/compose.yaml': web(''),
    'services/photo/secret.age': 'x',
    'services/photo/.sops.yaml': 'creation_rules: []',
    'services/photo/service.yaml': 'routes: [{ host: photo, to: "web:80" }]\nsuspend: true\n',
  });
  expect(state.notActedOn.map(({ service, part }) => `${service} ${part}`)).toEqual([
    'photo routes',
    'photo secret.age',
  ]);
  expect(state.suspended).toEqual(['photo']);
});

test('a variable that only an encrypted file of another name may set is told apart from a forgotten one', async () => {
  const compose = stubReader();
  const at = { file: 'services/photo/compose.yaml', line: 3, column: 12 };
  compose.resolve = () =>
    Promise.resolve({
      ok: false,
      problems: [{ ...at, severity: 'error', message: 'nobody sets the variable X', fix: 'set it in .env' }],
    });
  const files = { 'services/photo/compose.yaml': web(''), 'services/photo/photo.age': 'x' };
  expect(await problemsOf(files, { compose, hostEnvDir: '/nowhere' })).toEqual([
    'services/photo/compose.yaml:3:12 error: nobody sets the variable X; photo.age is encrypted, and Steward does not read files of that name => put the value into .env.age with steward secrets edit',
  ]);
});

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
