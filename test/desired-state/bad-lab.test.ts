import { expect, test } from 'vitest';
import { problemsOf } from './lab-folder.ts';

const storage = 'storage: { parent: tank/services, mountpoint: /tank/services }\n';
const head = `version: 1\nname: homelab\n${storage}`;

const table: [name: string, lab: string | Uint8Array, problems: string[]][] = [
  ['an empty file', '', ['lab.yaml:1:1 error: the file is empty => write version: 1 and what follows it']],
  [
    'a list',
    '- a\n',
    [
      'lab.yaml:1:1 error: expected a mapping with keys out of version, name, domain, storage, owners, sharedGroup, networks, hub, dns, backup, registries, secrets, policy, limits, found - a => write `key: value` lines below it',
    ],
  ],
  [
    'a misspelt key',
    `${head}domian: homelab.lan\n`,
    ['lab.yaml:4:1 error: unknown key "domian" => write domain'],
  ],
  [
    'a key nobody knows',
    `${head}zzzzzzzz: 1\n`,
    [
      'lab.yaml:4:1 error: unknown key "zzzzzzzz" => remove it; known keys: version, name, domain, storage, owners, sharedGroup, networks, hub, dns, backup, registries, secrets, policy, limits',
    ],
  ],
  [
    'storage without a mountpoint',
    'version: 1\nname: homelab\nstorage:\n  parent: tank/services\n',
    [
      'lab.yaml:4:3 error: "mountpoint" (storage) is missing: expected an absolute path such as /datapool/services => add mountpoint: /datapool/services',
    ],
  ],
  [
    'another version',
    `version: 2\nname: homelab\n${storage}`,
    ['lab.yaml:1:10 error: expected 1, the version of this format, found 2 (version) => write 1'],
  ],
  [
    'a name with a space',
    `version: 1\nname: Home Lab\n${storage}`,
    [
      'lab.yaml:2:7 error: expected a name of lower-case letters, digits and -, found "Home Lab" (name) => write e.g. homelab',
    ],
  ],
  [
    'a relative mountpoint',
    'version: 1\nname: homelab\nstorage: { parent: tank/services, mountpoint: tank }\n',
    [
      'lab.yaml:3:47 error: expected an absolute path such as /datapool/services, found "tank" (storage.mountpoint) => write e.g. /datapool/services',
    ],
  ],
  [
    'a mountpoint of the system',
    'version: 1\nname: homelab\nstorage: { parent: tank/services, mountpoint: /var }\n',
    [
      'lab.yaml:3:47 error: /var belongs to the system => write a directory of its own such as /datapool/services',
    ],
  ],
  [
    'a public pool',
    `${head}networks: { pool: 8.8.0.0/16 }\n`,
    [
      'lab.yaml:4:19 error: expected a private IPv4 network such as 10.88.0.0/16, found "8.8.0.0/16" (networks.pool) => write e.g. 10.88.0.0/16',
    ],
  ],
  [
    'a pool with host bits',
    `${head}networks: { pool: 10.88.3.0/16 }\n`,
    [
      'lab.yaml:4:19 error: expected a private IPv4 network such as 10.88.0.0/16, found "10.88.3.0/16" (networks.pool) => write e.g. 10.88.0.0/16',
    ],
  ],
  [
    'a prefix wider than the pool',
    `${head}networks: { pool: 10.88.0.0/24, prefix: 20 }\n`,
    [
      'lab.yaml:4:41 error: a subnet of prefix 20 is larger than the pool 10.88.0.0/24 => write a prefix from 24 to 29',
    ],
  ],
  [
    'overlapping fixed subnets',
    `${head}networks:\n  subnets: { a_net: 10.1.0.0/24, b_net: 10.1.0.0/26 }\n`,
    ['lab.yaml:5:41 error: the subnet of b_net overlaps that of a_net, 10.1.0.0/24 => choose another'],
  ],
  [
    'an owner that is no number',
    `${head}owners:\n  app: lots\n  Root: 0\n`,
    [
      'lab.yaml:5:8 error: expected a whole number from 0 to 65535, found "lots" (owners.app) => write a number from 0 to 65535',
      'lab.yaml:6:3 error: expected a name such as postgres, found "Root" (owners) => write a lower-case name',
    ],
  ],
  [
    'a part without content',
    `${head}limits:\n`,
    [
      'lab.yaml:4:1 error: "limits" is empty: expected a mapping with keys out of removals, parallel => write `key: value` lines below it, or remove limits',
    ],
  ],
  [
    'a passphrase instead of a reference',
    `${head}backup:\n  repository: /backup\n  passphrase: hunter2\n`,
    [
      'lab.yaml:6:15 error: expected a mapping with keys out of file (backup.passphrase) => write { file: /etc/steward/borg-passphrase }',
    ],
  ],
  [
    'a wrong schedule and time zone',
    `${head}backup:\n  repository: /backup\n  passphrase: { file: /etc/p }\n  schedule: "99 3 * * *"\n  timezone: Europe/Roma\n`,
    [
      'lab.yaml:7:13 error: expected a cron expression of five fields such as "30 3 * * *", found "99 3 * * *" (backup.schedule) => write e.g. "30 3 * * *"',
      'lab.yaml:8:13 error: expected a time zone of the IANA list such as Europe/Rome, found "Europe/Roma" (backup.timezone) => write e.g. Europe/Rome',
    ],
  ],
  [
    'an encryption slightly wrong',
    `${head}backup:\n  repository: /backup\n  passphrase: { file: /etc/p }\n  encryption: repokey-blake\n`,
    [
      'lab.yaml:7:15 error: expected one of repokey-blake2, repokey, keyfile-blake2, keyfile, authenticated-blake2, authenticated, none, found "repokey-blake" (backup.encryption) => write repokey-blake2',
    ],
  ],
  [
    'a hub that is no service',
    `${head}hub: { service: central_hub, container: hub, address: 192.168.1.100 }\n`,
    ['lab.yaml:4:17 error: there is no service "central_hub" => add services/central_hub, or remove hub'],
  ],
  [
    'an unknown ZFS property',
    'version: 1\nname: homelab\nstorage:\n  parent: tank/services\n  mountpoint: /tank/services\n  properties: { compresion: zstd, quota: lots, mountpoint: /x, "steward:guid": x }\n',
    [
      'lab.yaml:6:17 error: unknown ZFS property "compresion" => write compression',
      'lab.yaml:6:42 error: expected a number of bytes such as 500G, found "lots" (quota) => write 500G',
      'lab.yaml:6:48 error: the property mountpoint follows from `storage.mountpoint` and the name of the service, which containers rely on => remove mountpoint',
      'lab.yaml:6:64 error: `steward:` properties are written by Steward itself => choose another prefix',
    ],
  ],
  [
    'a key written twice',
    `${head}name: again\n`,
    ['lab.yaml:4:1 error: the key is written twice => keep one of the two'],
  ],
  [
    'a tab',
    `${head}limits:\n\tparallel: 4\n`,
    ['lab.yaml:5:1 error: the line is indented with a tab => indent with spaces'],
  ],
  [
    'two documents',
    `${head}---\nname: other\n`,
    [
      'lab.yaml:4:1 error: the file holds more than one YAML document => remove the line `---` and what follows it',
    ],
  ],
  [
    'an unclosed bracket',
    `${head}hub: { service: x\n`,
    ['lab.yaml:5:1 error: a bracket above is not closed => close it with ] or }'],
  ],
  [
    'a bomb of aliases',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh']
      .map((key, index) => {
        const last = 'abcdefgh'[index];
        return `${key}: &${key} [${Array(9).fill(`*${last}`).join(',')}]`;
      })
      .join('\n')}\n`,
    [
      'lab.yaml:1:1 error: aliases (`*name`) repeat so much that the file grows beyond measure => write the values out',
    ],
  ],
  [
    'an alias of nothing',
    `${head}domain: *nothing\n`,
    [
      'lab.yaml:4:9 error: nothing above is named &nothing => put quotes around *nothing, or name a value with &nothing',
    ],
  ],
  [
    'an unknown tag',
    `${head}domain: !secret x\n`,
    [
      'lab.yaml:4:9 error: a tag (`!name`) is not known here => remove it, or quote the text if it starts with `!`',
    ],
  ],
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from('version: 1\nname: '), Buffer.from([0xff, 0xfe])]),
    ['lab.yaml:2:1 error: the file is not UTF-8 text => save it as UTF-8'],
  ],
  [
    'more than 1 MiB',
    `# ${'x'.repeat(1024 * 1024)}\n`,
    ['lab.yaml:1:1 error: the file is larger than 1 MiB => split it, or keep data out of it'],
  ],
];

test.each(table)('lab.yaml with %s is explained', async (_name, lab, problems) => {
  const found = await problemsOf({
    'lab.yaml': lab,
    'services/web/compose.yaml': 'services: { web: { image: nginx } }\n',
  });
  expect(found).toEqual(problems);
});

test('a byte order mark is no problem', async () => {
  expect(
    await problemsOf({
      'lab.yaml': `\uFEFF${head}`,
      'services/web/compose.yaml': 'services: { web: { image: nginx } }\n',
    }),
  ).toEqual([]);
});

test('all problems of all files are told at once', async () => {
  const found = await problemsOf({
    'lab.yaml': 'version: 1\nname: homelab\nstorage: 3\n',
    'services/a/compose.yaml': 'services: { web: { image: nginx } }\n',
    'services/a/service.yaml': 'suspend: perhaps\n',
    'services/b/compose.yaml': 'services: { web: { image: nginx } }\n',
    'services/b/service.yaml': 'directories: [{ path: /x }]\n',
  });
  expect(found.map((line) => line.split(' ', 1)[0])).toEqual([
    'lab.yaml:3:10',
    'services/a/service.yaml:1:10',
    'services/b/service.yaml:1:23',
  ]);
});

test.each([
  [
    'a key of backup',
    'backup: { repository: /b, encryption: none, retentoin: { daily: 1 } }\n',
    'lab.yaml:4:45 error: unknown key "retentoin"',
  ],
  [
    'a value of backup',
    'backup: { repository: /b, encryption: none, timezone: Europe/Roma }\n',
    'lab.yaml:4:55 error: ',
  ],
  [
    'backup itself',
    'bakup: { repository: /b, encryption: none }\n',
    'lab.yaml:4:1 error: unknown key "bakup"',
  ],
])(
  '%s that is wrong is one problem: nobody is told that lab.yaml declares no backup',
  async (_what, lab, told) => {
    const problems = await problemsOf({ 'lab.yaml': head + lab, ...backedUp });
    expect(problems).toEqual([expect.stringContaining(told)]);
  },
);

test('a storage that is wrong is one problem: whether its data is in a backup is not known', async () => {
  const lab = `version: 1\nname: homelab\n${storage.replace('mountpoint', 'mountpoin')}backup: { repository: /b, encryption: none, schedule: "0 3 * * *" }\n`;
  const problems = await problemsOf({ 'lab.yaml': lab, ...backedUp });
  expect(problems.filter((problem) => !problem.startsWith('lab.yaml:3:'))).toEqual([]);
});

const mounts = (folder: string) =>
  `services:\n  web:\n    image: "nginx:1"\n    restart: always\n    volumes: ["${folder}:/data"]\n`;

const backedUp = {
  'services/photo/compose.yaml': mounts('/tank/services/photo/data'),
  'services/photo/service.yaml': 'backup: { quiesce: pause }\n',
  'services/films/compose.yaml': mounts('/srv/films'),
  'services/films/service.yaml':
    'policy: { allow: [{ rule: backup-coverage, reason: films can be had again }] }\n',
};
