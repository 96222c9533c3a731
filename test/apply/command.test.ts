import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { commandOf } from '../../reconciler/apply/command.ts';
import type { StackRef, Step } from '../../reconciler/types.ts';
import { quote } from '../../tools/quote.ts';

const guard = { dataset: 'datapool/services/photo', mountpoint: '/datapool/services/photo' };
const dataset = guard.dataset;
const stack: StackRef = {
  project: 'photo',
  directory: '/srv/photo',
  files: ['/srv/photo/docker-compose.yml', '/srv/photo/docker-compose.override.yml'],
  envFiles: ['/srv/photo/.env', '/etc/steward/env/photo.env'],
  override: { path: '/var/lib/steward/photo.yml', content: '' },
};
const compose =
  'docker compose -p photo --project-directory /srv/photo -f /srv/photo/docker-compose.yml -f /srv/photo/docker-compose.override.yml -f /var/lib/steward/photo.yml --env-file /srv/photo/.env --env-file /etc/steward/env/photo.env';

const commands: [string, Step][] = [
  ['groupadd --gid 990 labdata', { op: 'group-create', group: 'labdata', gid: 990 }],
  [
    `zfs create -o recordsize=16384 -o 'org.example:note=my photos' ${dataset}`,
    {
      op: 'zfs-create',
      dataset,
      mountpoint: '/x',
      properties: { recordsize: '16384', 'org.example:note': 'my photos' },
    },
  ],
  [`zfs set quota=500 ${dataset}`, { op: 'zfs-set', dataset, property: 'quota', value: '500' }],
  [`zfs inherit quota ${dataset}`, { op: 'zfs-inherit', dataset, property: 'quota' }],
  [`zfs mount ${dataset}`, { op: 'zfs-mount', dataset, mountpoint: '/x' }],
  [
    'install -d -o 101000 -g 990 -m 2770 /datapool/services/photo/library',
    {
      op: 'directory-create',
      path: '/datapool/services/photo/library',
      guard,
      uid: 101000,
      gid: 990,
      mode: '2770',
    },
  ],
  ['chown -h 1:2 /a', { op: 'directory-owner', path: '/a', guard, uid: 1, gid: 2, recursive: false }],
  ['chown -hR 1:2 /a', { op: 'directory-owner', path: '/a', guard, uid: 1, gid: 2, recursive: true }],
  ["chmod 0700 '/a b'", { op: 'directory-mode', path: '/a b', guard, mode: '0700' }],
  [
    'docker network create --subnet 10.88.0.64/26 --label io.steward.lab=home photo_net',
    {
      op: 'network-create',
      network: 'photo_net',
      subnet: '10.88.0.64/26',
      labels: { 'io.steward.lab': 'home' },
    },
  ],
  ['docker network connect photo_net hub', { op: 'network-connect', network: 'photo_net', container: 'hub' }],
  [
    'docker network disconnect photo_net hub',
    { op: 'network-disconnect', network: 'photo_net', container: 'hub' },
  ],
  ['docker network rm photo_net', { op: 'network-remove', network: 'photo_net' }],
  [
    `${compose} up -d --pull missing`,
    { op: 'compose-up', stack, services: [], build: false, forceRecreate: false, guards: [guard] },
  ],
  [
    `${compose} up -d --pull missing --build --force-recreate db server`,
    {
      op: 'compose-up',
      stack,
      services: ['db', 'server'],
      build: true,
      forceRecreate: true,
      guards: [],
    },
  ],
  [`${compose} restart db`, { op: 'compose-restart', stack, services: ['db'], guards: [] }],
  ['docker compose -p photo down --remove-orphans', { op: 'compose-down', project: 'photo' }],
  ['docker stop old && docker rm old', { op: 'container-remove', id: 'c1', name: 'old' }],
];

it.each(commands)('a person would type: %s', (command, step) => {
  expect(commandOf(step)).toBe(command);
});

it.each(['plain', '', "it's", 'a b', '$HOME', '`id`', '*', 'x=1', '~', 'line\nbreak', '"', '\\', 'é', '-o'])(
  'a shell reads %j back as it was',
  (word) => {
    const script = `printf %s ${quote(word)}`;
    expect(execFileSync('sh', ['-c', script.replace('printf %s', 'printf -- %s')]).toString()).toBe(word);
  },
);
