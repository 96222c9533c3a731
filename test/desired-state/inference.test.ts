import { expect, test } from 'vitest';
import { looksLikeFile } from '../../desired-state/resources/directory.ts';
import { directory, find, web } from './inferred.ts';
import { problemsOf, stateOf, uncoveredLab } from './lab-folder.ts';

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
  const lab = `${uncoveredLab}owners: { postgres: 999, app: 1000 }\n`;
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
    `${uncoveredLab}sharedGroup: labdata\n`,
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
    `${uncoveredLab}sharedGroup: labdata\n`,
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
