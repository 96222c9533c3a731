import { expect, test } from 'vitest';
import { problemsOf, stateOf } from './lab-folder.ts';

/** A host without ZFS: lab.yaml names no storage, and stacks are all there is. */

const plain = 'version: 1\nname: homelab\n';
/** That no data is in a backup is known here. */
const lab = `${plain}policy: { rules: { backup-coverage: off } }\n`;
const compose = `services:
  web:
    image: nginx
    user: "999"
    volumes: ["/srv/photo/data:/data"]
    networks: [photo_net]
networks: { photo_net: { external: true } }
`;

test('a lab without storage has stacks and networks, and neither datasets nor directories', async () => {
  const state = await stateOf({ 'lab.yaml': lab, 'services/photo/docker-compose.yml': compose });
  expect(state.storage).toBeNull();
  expect(state.resources.map(({ id }) => id)).toEqual(['compose-stack:photo', 'docker-network:photo_net']);
  expect(state.resources[0]?.needs).toEqual(['docker-network:photo_net']);
  expect(state.warnings).toEqual([]);
});

test.each([
  ['dataset', 'dataset:\n  properties: { recordsize: 16K }\n'],
  ['directories', 'directories:\n  - { path: data }\n'],
])('%s in service.yaml is a mistake where the lab has no storage', async (part, service) => {
  const files = { 'services/photo/docker-compose.yml': compose, 'services/photo/service.yaml': service };
  expect(await problemsOf({ 'lab.yaml': lab, ...files })).toEqual([
    `services/photo/service.yaml:1:1 error: lab.yaml names no storage, so there is no dataset for photo => add storage to lab.yaml, or remove ${part}`,
  ]);
});

test('a storage that is wrong is not one that is missing: services are not blamed for it', async () => {
  const service = { 'services/photo/service.yaml': 'dataset:\n  properties: { recordsize: 16K }\n' };
  const files = { 'services/photo/docker-compose.yml': compose, ...service };
  expect(await problemsOf({ 'lab.yaml': `${plain}storage: 3\n`, ...files })).toEqual([
    expect.stringMatching(/^lab\.yaml:3:10 error: /),
  ]);
});

test('a lab that cannot be read at all is not one without storage', async () => {
  const service = { 'services/photo/service.yaml': 'dataset:\n  properties: { recordsize: 16K }\n' };
  const files = { 'services/photo/docker-compose.yml': compose, ...service };
  expect(await problemsOf({ 'lab.yaml': 'a: [\n', ...files })).toEqual([
    expect.stringMatching(/^lab\.yaml:\d+:\d+ error: /),
  ]);
});

test('a misspelt storage is one problem, not one for each service that has data', async () => {
  const problems = await problemsOf({
    'lab.yaml': 'version: 1\nname: homelab\nstorag: { parent: tank/services, mountpoint: /tank/services }\n',
    'services/photo/compose.yaml': 'services:\n  web:\n    image: nginx\n',
    'services/photo/service.yaml': 'version: 1\ndataset: { children: { database: {} } }\n',
  });
  expect(problems).toEqual(['lab.yaml:3:1 error: unknown key "storag" => write storage']);
});

test('nor is the data of a lab without storage in any backup, and that is said', async () => {
  const files = { 'lab.yaml': plain, 'services/photo/docker-compose.yml': compose };
  expect(await problemsOf(files)).toEqual([
    expect.stringMatching(/^lab\.yaml:1:1 warning: no data of this lab is in a backup/),
  ]);
});
