import { expect, test } from 'vitest';
import { problemsOf } from './lab-folder.ts';

const compose = 'services: { web: { image: nginx, container_name: photo-web } }\n';

const table: [name: string, service: string, problems: string[]][] = [
  [
    'an unquoted mode',
    'directories:\n  - { path: data, mode: 0700 }\n',
    [
      'services/photo/service.yaml:2:25 error: expected a mode as quoted octal digits such as "2770", found 0700 (directories.0.mode) => write "0700" in quotes',
    ],
  ],
  [
    'a mode that is no mode',
    'directories:\n  - { path: data, mode: rwx }\n',
    [
      'services/photo/service.yaml:2:25 error: expected a mode as quoted octal digits such as "2770", found "rwx" (directories.0.mode) => write e.g. "2770"',
    ],
  ],
  [
    'a path that climbs out',
    'directories:\n  - { path: a/../../b }\n',
    [
      'services/photo/service.yaml:2:13 error: expected a path below the dataset, without leading `/` and without `..`, found "a/../../b" (directories.0.path) => write e.g. database',
    ],
  ],
  [
    'an absolute path',
    'directories:\n  - { path: /etc }\n',
    [
      'services/photo/service.yaml:2:13 error: expected a path below the dataset, without leading `/` and without `..`, found "/etc" (directories.0.path) => write e.g. database',
    ],
  ],
  [
    'a path declared twice',
    'directories:\n  - { path: data }\n  - { path: data }\n',
    [
      'services/photo/service.yaml:3:5 error: "data" is declared twice, first at services/photo/service.yaml:2:5 => keep one of the two',
    ],
  ],
  [
    'an owner nobody knows',
    'directories:\n  - { path: data, owner: postgers }\n',
    [
      'services/photo/service.yaml:2:26 error: "postgers" is not among the owners of lab.yaml => write postgres',
    ],
  ],
  [
    'a quota that is no size',
    'dataset: { properties: { quota: lots } }\n',
    [
      'services/photo/service.yaml:1:33 error: expected a number of bytes such as 500G, found "lots" (quota) => write 500G',
    ],
  ],
  [
    'a record size that is no power of two',
    'dataset: { properties: { recordsize: 100K } }\n',
    [
      'services/photo/service.yaml:1:38 error: expected a power of two from 512 to 16M such as 16K, found "100K" (recordsize) => write 16K',
    ],
  ],
  [
    'a property slightly wrong',
    'dataset: { children: { db: { properties: { recordsise: 16K } } } }\n',
    ['services/photo/service.yaml:1:44 error: unknown ZFS property "recordsise" => write recordsize'],
  ],
  [
    'a property that Steward sets itself',
    'dataset: { properties: { mountpoint: /x, canmount: off } }\n',
    [
      'services/photo/service.yaml:1:26 error: the property mountpoint follows from `storage.mountpoint` and the name of the service, which containers rely on => remove mountpoint',
      'services/photo/service.yaml:1:42 error: the property canmount must stay `on`: containers would write to the OS disk instead => remove canmount',
    ],
  ],
  [
    'a boolean for on',
    'dataset: { properties: { atime: true } }\n',
    [
      'services/photo/service.yaml:1:33 error: expected one of on, off, found "true" (atime) => write one of on, off',
    ],
  ],
  [
    'a misspelt key below a child',
    'dataset: { children: { db: { propertys: {} } } }\n',
    [
      'services/photo/service.yaml:1:30 error: unknown key "propertys" (dataset.children.db) => write properties',
    ],
  ],
  [
    'a child that leaves the dataset',
    'dataset: { children: { "../db": {} } }\n',
    [
      'services/photo/service.yaml:1:24 error: expected the name of a child dataset, found "../db" (dataset.children) => write e.g. database',
    ],
  ],
  [
    'a time without a unit',
    'deploy: { healthTimeout: 180 }\n',
    [
      'services/photo/service.yaml:1:26 error: expected a duration such as 180s or 5m, found 180 (deploy.healthTimeout) => write e.g. 180s',
    ],
  ],
  [
    'a time of zero',
    'deploy: { healthTimeout: 0s }\n',
    [
      'services/photo/service.yaml:1:26 error: expected a duration such as 180s or 5m, found "0s" (deploy.healthTimeout) => write e.g. 180s',
    ],
  ],
  [
    'a choice slightly wrong',
    'deploy: { onFailure: rolback }\n',
    [
      'services/photo/service.yaml:1:22 error: expected one of rollback, leave, found "rolback" (deploy.onFailure) => write rollback',
    ],
  ],
  [
    'a route without a port',
    'routes: [{ host: photo.lan, to: photo-web }]\n',
    [
      'services/photo/service.yaml:1:33 error: expected a container and its port such as "photo-server:2283", found "photo-web" (routes.0.to) => write e.g. "photo-server:2283"',
    ],
  ],
  [
    'a route to a misspelt container',
    'routes: [{ host: photo.lan, to: "photo-wbe:80" }]\n',
    ['services/photo/service.yaml:1:33 error: photo has no container "photo-wbe" => write photo-web'],
  ],
  [
    'a route that needs a domain',
    'routes: [{ host: photo, to: "photo-web:80" }]\n',
    [
      'services/photo/service.yaml:1:18 error: "photo" has no dot, and lab.yaml names no domain to put it below => add domain: homelab.lan to lab.yaml, or write the whole name',
    ],
  ],
  [
    'a dependency on nothing',
    'deploy: { dependsOn: [gti] }\n',
    ['services/photo/service.yaml:1:23 error: there is no service "gti" => write git'],
  ],
  [
    'a yes that is not true',
    'suspend: yes\n',
    [
      'services/photo/service.yaml:1:10 error: expected true or false, found "yes" (suspend) => write true or false',
    ],
  ],
  [
    'an exception without a reason',
    'policy: { allow: [{ rule: host-ports }] }\n',
    [
      'services/photo/service.yaml:1:19 error: "reason" (policy.allow.0) is missing: expected a reason in a few words => add reason: "DNS must listen on the host"',
    ],
  ],
  [
    'an impossible day',
    'backup: { schedule: "0 0 31 2 *" }\n',
    [
      'services/photo/service.yaml:1:1 error: lab.yaml declares no backup, so it is not known where archives go => add backup to lab.yaml, or remove it here',
      'services/photo/service.yaml:1:21 error: expected a cron expression of five fields such as "30 3 * * *", found "0 0 31 2 *" (backup.schedule) => write e.g. "30 3 * * *"',
    ],
  ],
  [
    'a text instead of keys',
    'hello\n',
    [
      'services/photo/service.yaml:1:1 error: expected a mapping with keys out of version, dataset, directories, routes, backup, deploy, policy, suspend, found "hello" => write `key: value` lines below it',
    ],
  ],
  [
    'a group without an owner',
    'directories: [{ path: data, group: 5 }]\n',
    [
      'services/photo/service.yaml:1:36 error: the directory has a group but no known owner => add owner: beside group:',
    ],
  ],
];

test.each(table)('service.yaml with %s is explained', async (_name, service, problems) => {
  const files = {
    'services/photo/compose.yaml': compose,
    'services/git/compose.yaml': 'services: { git: { image: gitea } }\n',
  };
  const lab =
    'version: 1\nname: homelab\nowners: { postgres: 999 }\nstorage: { parent: tank/services, mountpoint: /tank/services }\n';
  expect(await problemsOf({ ...files, 'lab.yaml': lab, 'services/photo/service.yaml': service })).toEqual(
    problems,
  );
});

test.each(['', '# nothing yet\n', 'version: 1\n'])(
  'service.yaml with %j says nothing and is right',
  async (service) => {
    expect(
      await problemsOf({ 'services/photo/compose.yaml': compose, 'services/photo/service.yaml': service }),
    ).toEqual([]);
  },
);
