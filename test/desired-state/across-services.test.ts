import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { dependencyCycles } from '../../desired-state/cycles.ts';
import { withConfigHashes } from '../../desired-state/load.ts';
import {
  addFiles,
  expectState,
  type Files,
  labFolder,
  load,
  problemsOf,
  render,
  smallLab,
  stateOf,
  stubReader,
  uncoveredLab,
} from './lab-folder.ts';

const plain = 'services: { web: { image: nginx } }\n';

const table: [name: string, files: Files, problems: string[]][] = [
  [
    'a host port taken twice',
    {
      'services/a/compose.yaml': 'services:\n  web: { image: x, ports: ["8080:80"] }\n',
      'services/b/compose.yaml':
        'services:\n  web:\n    image: x\n    ports:\n      - "8000:80"\n      - "8080:80"\n',
    },
    [
      'services/b/compose.yaml:6:9 error: host port 8080/tcp is taken by a/web at services/a/compose.yaml:2:28 => publish another port, or none and use a route',
    ],
  ],
  [
    'a port within the range of another',
    {
      'services/a/compose.yaml':
        'services:\n  web: { image: x, ports: ["8000-8010:80"] }\n  db: { image: x, ports: ["8005:80"] }\n',
    },
    [
      'services/a/compose.yaml:3:27 error: host port 8005/tcp is taken by a/web at services/a/compose.yaml:2:28 => publish another port, or none and use a route',
    ],
  ],
  [
    'a container name taken twice',
    {
      'services/a/compose.yaml': 'services: { web: { image: x, container_name: b-web-1 } }\n',
      'services/b/compose.yaml': plain,
    },
    [
      'services/b/compose.yaml:1:18 error: the container name "b-web-1" is taken by a at services/a/compose.yaml:1:46 => choose another container_name',
    ],
  ],
  [
    'a route host taken twice',
    {
      'services/a/compose.yaml': plain,
      'services/a/service.yaml': 'routes: [{ host: x.lan, to: "web:80" }]\n',
      'services/b/compose.yaml': plain,
      'services/b/service.yaml': 'routes: [{ host: x.lan, to: "web:80" }]\n',
    },
    [
      'services/b/service.yaml:1:18 error: the host "x.lan" is taken by a at services/a/service.yaml:1:18 => choose another host',
    ],
  ],
  [
    'a wildcard that takes the redirect of another service',
    {
      'services/a/compose.yaml': plain,
      'services/a/service.yaml': 'routes: [{ host: "*.x.lan", tls: "off", to: "web:80" }]\n',
      'services/b/compose.yaml': plain,
      'services/b/service.yaml':
        'routes: [{ host: a.b.x.lan, to: "web:80" }, { host: b.x.lan, to: "web:80" }]\n',
    },
    [
      'services/a/service.yaml:1:18 error: "*.x.lan" takes http://b.x.lan, and that host is of b at services/b/service.yaml:1:53 => write each host that it is for, in the place of the wildcard',
    ],
  ],
  [
    'a wildcard that takes HTTPS of a host without it, wherever it is written',
    {
      'services/a/compose.yaml': plain,
      'services/a/service.yaml': 'routes: [{ host: b.x.lan, tls: "off", to: "web:80" }]\n',
      'services/b/compose.yaml': plain,
      'services/b/service.yaml': 'routes: [{ host: "*.x.lan", to: "web:80" }]\n',
    },
    [
      'services/b/service.yaml:1:18 error: "*.x.lan" takes https://b.x.lan, and that host is of a at services/a/service.yaml:1:18 => write each host that it is for, in the place of the wildcard',
    ],
  ],
  [
    'a route to a container of another service',
    {
      'services/a/compose.yaml': plain,
      'services/a/service.yaml': 'routes: [{ host: x.lan, to: "b-db:80" }]\n',
      'services/b/compose.yaml': 'services: { db: { image: x, container_name: b-db } }\n',
    },
    [
      'services/a/service.yaml:1:29 error: "b-db" is a container of b, not of a => move the route to services/b/service.yaml',
    ],
  ],
  [
    'services that wait for each other',
    {
      'services/a/compose.yaml': plain,
      'services/a/service.yaml': 'deploy: { dependsOn: [b] }\n',
      'services/b/compose.yaml': plain,
      'services/b/service.yaml': 'deploy: { dependsOn: [c] }\n',
      'services/c/compose.yaml': plain,
      'services/c/service.yaml': 'deploy: { dependsOn: [a] }\n',
    },
    [
      'services/a/service.yaml:1:23 error: services wait for each other: a → b → c → a => remove b from dependsOn of a',
    ],
  ],
  [
    'a service that waits for itself',
    { 'services/a/compose.yaml': plain, 'services/a/service.yaml': 'deploy: { dependsOn: [a] }\n' },
    [
      'services/a/service.yaml:1:23 error: services wait for each other: a → a => remove a from dependsOn of a',
    ],
  ],
  [
    'data in no dataset',
    {
      'services/photo/compose.yaml':
        'services:\n  web: { image: x, volumes: ["/tank/services/phto/data:/data"] }\n',
    },
    [
      "services/photo/compose.yaml:2:30 warning: /tank/services/phto/data lies in no service's dataset, so it would be written to the parent dataset => use /tank/services/photo/…",
    ],
  ],
  [
    'a hub without that container',
    {
      'lab.yaml': `${smallLab}hub: { service: hub, container: huub, address: 192.168.1.2 }\n`,
      'services/hub/compose.yaml': 'services: { caddy: { image: caddy, container_name: hub } }\n',
    },
    ['lab.yaml:4:33 error: the service hub has no container "huub" => write hub'],
  ],
  [
    'a folder whose name is no name',
    { 'services/My Photos/compose.yaml': plain },
    [
      'services/My Photos/compose.yaml:1:1 error: "My Photos" cannot name a service: only lower-case letters, digits, _ and -, at most 63 => rename the folder to my_photos',
    ],
  ],
  [
    'a service.yaml without a compose file',
    { 'services/a/service.yaml': 'version: 1\n', 'services/a/docker-compose.yml.txt': plain },
    [
      'services/a:1:1 error: the service has a service.yaml but no compose file => rename docker-compose.yml.txt to docker-compose.yml',
    ],
  ],
  [
    'a folder that is no service',
    {
      'services/a/compose.yaml': plain,
      'services/b/notes.txt': 'x',
      'services/_shared/x': 'x',
      'services/.hidden/x': 'x',
      'services/README.md': 'x',
    },
    [
      'services/b:1:1 warning: the folder holds no compose file, so it is no service => add a docker-compose.yml, or start the name with _ if services share this folder',
    ],
  ],
  [
    'a service.yml',
    { 'services/a/compose.yaml': plain, 'services/a/service.yml': 'x: y\n' },
    ['services/a/service.yml:1:1 error: service.yml is not read => rename it to service.yaml'],
  ],
  [
    'two compose files',
    { 'services/a/compose.yaml': plain, 'services/a/docker-compose.yml': plain },
    [
      'services/a/docker-compose.yml:1:1 warning: docker-compose.yml is not read beside compose.yaml => keep one of the two',
    ],
  ],
  [
    'no services',
    { 'README.md': 'x' },
    ['services:1:1 warning: there are no services => add services/NAME/docker-compose.yml'],
  ],
  [
    'a relative mount of something that is not there',
    { 'services/a/compose.yaml': 'services:\n  web:\n    image: x\n    volumes:\n      - ./data:/data\n' },
    [
      'services/a/compose.yaml:5:9 warning: services/a/data is not in the repository: data written there lies in the checkout, on no dataset and in no backup => mount a directory of the dataset, or add the file',
    ],
  ],
  [
    'a mount that leaves the repository',
    {
      'services/a/compose.yaml':
        'services:\n  web:\n    image: x\n    volumes:\n      - ../../../etc:/data\n',
    },
    [
      'services/a/compose.yaml:5:9 error: "../../../etc" leaves the repository => write an absolute path of the host, or one inside the repository',
    ],
  ],
  [
    'more networks than the pool holds',
    {
      'lab.yaml': `${smallLab}networks: { pool: 10.88.0.0/24, prefix: 24 }\n`,
      'services/a/compose.yaml':
        'services: { web: { image: x } }\nnetworks: { a: { external: true }, b: { external: true } }\n',
    },
    [
      'lab.yaml:4:41 error: 2 networks need a subnet, and 10.88.0.0/24 holds 1 of prefix 24 => write prefix: 25, or a larger pool',
    ],
  ],
];

test.each(table)('%s is explained', async (_name, files, problems) => {
  expect(await problemsOf({ ...files })).toEqual(problems);
});

test('a symbolic link that leaves the repository is a problem and not read', async () => {
  await using folder = await labFolder({ 'lab.yaml': uncoveredLab, 'services/a/compose.yaml': plain });
  await symlink('/etc', path.join(folder.root, 'services/a/secrets'));
  await symlink('/etc', path.join(folder.root, 'services/b'));
  const reader = stubReader();
  const result = await load(folder.root, { compose: reader });
  expect(result.ok ? [] : render(result.problems)).toEqual([
    'services/a/secrets:1:1 error: services/a/secrets is a symbolic link that leaves the repository => put the file itself into the repository',
    'services/b:1:1 error: services/b is a symbolic link that leaves the repository => put the folder itself there',
  ]);
  expect(reader.asked).toEqual([]);
});

test('a link inside the repository is followed, and a circle of links ends', async () => {
  await using folder = await labFolder({
    'lab.yaml': uncoveredLab,
    'services/a/compose.yaml': 'services:\n  web: { image: x, volumes: ["./conf:/c"] }\n',
    'shared/x.conf': 'x',
  });
  await symlink('../../shared', path.join(folder.root, 'services/a/conf'));
  const state = expectState(await load(folder.root));
  expect(
    state.resources.flatMap((resource) =>
      resource.kind === 'compose-stack' ? resource.containers.map(({ files }) => Object.keys(files)) : [],
    ),
  ).toEqual([['services/a/conf/x.conf']]);
  await symlink('.', path.join(folder.root, 'shared/circle'));
  expect((await load(folder.root)).ok).toBe(false);
});

test('200 services fit into the default pool, and 1025 do not', async () => {
  const services = (count: number) => {
    const networks = Array.from({ length: count }, (_, index) => `n${index}: { external: true }`).join(', ');
    return { 'services/a/compose.yaml': `services: { web: { image: x } }\nnetworks: { ${networks} }\n` };
  };
  expect(
    (await stateOf(services(200))).resources.filter(({ kind }) => kind === 'docker-network'),
  ).toHaveLength(200);
  expect(await problemsOf(services(1025))).toEqual([
    'lab.yaml:1:1 error: 1025 networks need a subnet, and 10.88.0.0/16 holds 1024 of prefix 26 => write prefix: 27, or a larger pool',
  ]);
});

test.each([
  [{ a: ['b'], b: ['a'] }, [['a', 'b', 'a']]],
  [{ a: ['b', 'c'], b: ['c'], c: [] }, []],
  [{ a: ['a'] }, [['a', 'a']]],
])('cycles of %j are %j', (graph, cycles) => {
  expect(dependencyCycles(new Map(Object.entries(graph)))).toEqual(cycles);
});

test('config hashes are asked with the label of the files', async () => {
  await using folder = await labFolder({ 'lab.yaml': uncoveredLab });
  await addFiles(folder.root, {
    'services/a/compose.yaml': 'services:\n  web: { image: x, volumes: ["./c:/c"] }\n',
    'services/a/c': '1',
  });
  const { resources } = expectState(await load(folder.root, { as: '/checkout' }));
  const stack = resources.find((resource) => resource.kind === 'compose-stack');
  if (!stack) throw new Error('no stack');
  const hashed = await withConfigHashes(stack, stubReader(), { root: folder.root, as: '/checkout' });
  expect(hashed.containers[0]?.configHash).toBe(
    `hash of web {"io.steward.files":"${stack.containers[0]?.filesDigest}"}`,
  );
  expect(stack.containers[0]?.configHash).toBeNull();
});
